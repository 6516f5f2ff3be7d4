"""Django's Redis cache, with its client kept."""

import functools
from typing import Any

from django.core.cache.backends import redis


class _Client(redis.RedisCacheClient):
    """Django makes a redis.Redis for each operation, which takes longer than the operation.

    One for each connection pool is enough: it keeps no state, and threads may share it.
    https://redis.io/docs/latest/develop/clients/redis-py/
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._client: Any = functools.cache(self._client)


class RedisCache(redis.RedisCache):
    def __init__(self, server: str, params: dict[str, Any]) -> None:
        # One server: Django splits a text at commas, which a password may contain.
        super().__init__([server], params)
        self._class = _Client

    def echo(self, key: str, word: str, timeout: int) -> str:
        """Set a word for `timeout` seconds and get it back, in one exchange with the server."""
        key = self.make_and_validate_key(key)
        with self._cache.get_client(write=True).pipeline(transaction=False) as both:
            both.set(key, word, ex=timeout)
            both.get(key)
            return str(both.execute()[1], "ascii")
