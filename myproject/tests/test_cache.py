from django.core.cache import caches

from myproject.cache import RedisCache


def test_the_redis_client_is_reused() -> None:
    cache = caches["default"]
    assert isinstance(cache, RedisCache)
    assert cache._cache.get_client(write=True) is cache._cache.get_client(write=True)


def test_a_value_is_stored_on_the_server() -> None:
    caches["default"].set("myproject:test", {"a": 1}, timeout=5)
    assert caches["default"].get("myproject:test") == {"a": 1}


def test_an_echo_is_stored_on_the_server_with_its_timeout() -> None:
    cache = caches["default"]
    assert isinstance(cache, RedisCache)
    assert cache.echo("myproject:echo", "word", timeout=50) == "word"
    client = cache._cache.get_client()
    assert client.get(":1:myproject:echo") == b"word"
    assert 0 < client.ttl(":1:myproject:echo") <= 50


def test_a_comma_in_a_password_does_not_split_the_url() -> None:
    cache = RedisCache("redis://:pa,ss;word@cache/0", {})
    pool = cache._cache.get_client(write=True).connection_pool
    assert pool.connection_kwargs["password"] == "pa,ss;word"
