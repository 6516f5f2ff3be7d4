"""A worker connects and loads all that requests need before it accepts one."""

from pathlib import Path

import pytest

from .conftest import Service, serve

pytestmark = pytest.mark.django_db


def assert_requests_open_no_connection(service: Service) -> None:
    connected = service.mysql.accepted, service.redis.accepted
    assert service.health()[0] == 200
    assert service.get("/releases.json")[0].status == 200
    assert (service.mysql.accepted, service.redis.accepted) == connected


def test_each_worker_is_connected_before_its_first_request(
    django_db_setup: None, tmp_path: Path
) -> None:
    # `serve` asks for /health/live/, which is the first of the three requests of a worker.
    options = ("--workers=1", "--max-requests=3", "--max-requests-jitter=0")
    with serve(tmp_path, *options) as service:
        assert_requests_open_no_connection(service)
        service.wait_for_line(lambda line: "Worker exiting" in line["message"])
        assert service.get("/health/live/")[0].status == 200
        assert_requests_open_no_connection(service)
