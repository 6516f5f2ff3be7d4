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
        self._client: Any = functools.cache(self._client)  # type: ignore[has-type]


class RedisCache(redis.RedisCache):
    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = _Client
