"""The log of an outage, written by several workers."""

import json
import time

import pytest

from .conftest import PATIENCE, Service

pytestmark = pytest.mark.django_db


def test_an_outage_is_logged_as_one_error_by_all_workers_together(service: Service) -> None:
    assert service.health()[0] == 200
    before = len(service.log.read_text().splitlines())
    service.redis.shut()
    assert [service.health()[0] for _ in range(20)] == [503] * 20
    service.redis.open()
    deadline = time.monotonic() + PATIENCE
    while service.health()[0] != 200:
        assert time.monotonic() < deadline
    lines = list(map(json.loads, service.log.read_text().splitlines()[before:]))
    errors = [line["message"] for line in lines if line["level"] == "ERROR"]
    assert errors == ["health: cache failed"]
