from django.core.cache import caches

from myproject.cache import RedisCache


def test_the_client_is_kept() -> None:
    cache = caches["default"]
    assert isinstance(cache, RedisCache)
    assert cache._cache.get_client(write=True) is cache._cache.get_client(write=True)


def test_a_value_is_kept_on_the_server() -> None:
    caches["default"].set("myproject:test", {"a": 1}, timeout=5)
    assert caches["default"].get("myproject:test") == {"a": 1}
