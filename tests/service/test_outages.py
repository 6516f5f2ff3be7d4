"""The running service while MySQL or Redis is down, or accepts and never answers."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import PATIENCE, Service, serve

pytestmark = pytest.mark.django_db
ALL_WELL = {"database": "ok", "migrations": "ok", "cache": "ok"}


@pytest.fixture(autouse=True)
def doors_open_again(service: Service) -> Iterator[None]:
    assert service.health()[:2] == (200, ALL_WELL)
    yield
    for proxy in service.proxies:
        proxy.open()
    deadline = time.monotonic() + PATIENCE
    while service.health()[0] != 200:
        assert time.monotonic() < deadline, service.log.read_text()[-3000:]


@pytest.mark.parametrize(
    ("server", "found"),
    [
        ("mysql", {"database": "failed", "migrations": "unknown", "cache": "ok"}),
        ("redis", {"database": "ok", "migrations": "ok", "cache": "failed"}),
    ],
)
def test_a_stopped_server_fails_only_its_own_checks(
    service: Service, server: str, found: dict[str, str]
) -> None:
    getattr(service, server).shut()
    assert service.health()[:2] == (503, found)


def test_a_silent_cache_fails_only_its_own_check(service: Service) -> None:
    service.redis.silence()
    found = {"database": "ok", "migrations": "ok", "cache": "failed"}
    assert service.health()[:2] == (503, found)


def test_a_silent_server_delays_start_and_checks_no_longer_than_the_limit(
    django_db_setup: None, tmp_path: Path
) -> None:
    # The drivers give up later, and the check would then have failed.
    with serve(tmp_path, silent=True, HEALTH_TIMEOUT="0.5", WEB_WORKERS="1") as service:
        code, statuses, _ = service.health()
    assert (code, statuses["database"], statuses["migrations"]) == (503, "timeout", "unknown")


def test_the_service_starts_without_its_servers(django_db_setup: None, tmp_path: Path) -> None:
    with serve(
        tmp_path,
        DATABASE_URL="mysql://root@127.0.0.1:1/none",
        REDIS_URL="redis://127.0.0.1:1",
        WEB_WORKERS="1",
    ) as service:
        code, statuses, _ = service.health()
    assert (code, statuses["database"], statuses["cache"]) == (503, "failed", "failed")


def test_liveness_answers_without_mysql_and_redis(service: Service) -> None:
    service.mysql.silence()
    service.redis.shut()
    response, body = service.get("/health/live/", Host="10.0.1.7:8000")
    assert (response.status, body) == (200, b'{"status": "ok"}')


def test_the_list_of_releases_works_without_redis(service: Service) -> None:
    service.redis.shut()
    response, _ = service.get("/releases.json")
    assert response.status == 200


def test_a_check_opens_no_connection(service: Service) -> None:
    before = [proxy.accepted for proxy in service.proxies]
    assert [service.health()[0] for _ in range(20)] == [200] * 20
    # After an outage each worker's first check connects, and there are two.
    opened = [proxy.accepted - then for proxy, then in zip(service.proxies, before, strict=True)]
    assert max(opened) <= 2


def test_the_reason_is_logged_but_not_sent_to_the_client(service: Service) -> None:
    service.mysql.shut()
    service.redis.shut()
    response, body = service.get("/health/", **{"X-Request-ID": "why-not-1"})
    assert response.status == 503
    for secret in (
        b"127.0.0.1",
        b"root",
        b"refused",
        b"Traceback",
        str(service.mysql.port).encode(),
    ):
        assert secret not in body
    log = [line for line in service.log.read_text().splitlines() if "why-not-1" in line]
    assert any("Can't connect" in line for line in log)
    assert any("refused" in line for line in log)


def test_readiness_names_version_commit_and_environment(service: Service) -> None:
    _, _, body = service.health()
    assert (body["version"], body["commit"], body["environment"]) == ("1.2.3", "0123abc", "staging")
