"""Django's Redis cache, with one client for each connection pool."""

import functools
from typing import Any

from django.core.cache.backends import redis


class _Client(redis.RedisCacheClient):
    """A Redis client that is kept; Django makes one for each operation, at more than its cost.

    One client for each connection pool is enough: it keeps no state, and threads may share it.
    https://redis.io/docs/latest/develop/clients/redis-py/
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._client: Any = functools.cache(self._client)


class RedisCache(redis.RedisCache):
    def __init__(self, server: str, params: dict[str, Any]) -> None:
        # A list of one server: Django would split a string at commas, which a password may contain.
        super().__init__([server], params)
        self._class = _Client

    def echo(self, key: str, word: str, timeout: int) -> str:
        """Store a word for `timeout` seconds and read it back, in one exchange with the server."""
        key = self.make_and_validate_key(key)
        with self._cache.get_client(write=True).pipeline(transaction=False) as both:
            both.set(key, word, ex=timeout)
            both.get(key)
            return str(both.execute()[1], "ascii")
