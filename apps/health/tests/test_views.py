import json

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from apps.health import checks

pytestmark = pytest.mark.django_db


def test_ready_when_all_checks_pass(client: Client, settings: Settings) -> None:
    settings.APP_VERSION, settings.APP_COMMIT = "1.2.3", "abc123"
    response = client.get("/health/")
    body = response.json()
    assert response.status_code == 200
    assert list(body) == ["status", "version", "commit", "environment", "checks"]
    assert (body["status"], body["version"], body["commit"]) == ("ok", "1.2.3", "abc123")
    assert body["environment"] == "test"
    assert list(body["checks"]) == ["database", "migrations", "cache"]
    for check in body["checks"].values():
        assert check["status"] == "ok"
        assert check["milliseconds"] > 0


def test_not_ready_when_one_check_fails(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"database": checks.Result("ok", 1.0), "cache": checks.Result("failed", 2.5)}
    monkeypatch.setattr(checks, "run", lambda timeout: found)
    response = client.get("/health/")
    assert (response.status_code, response.json()["status"]) == (503, "failed")
    assert response.json()["checks"]["cache"] == {"status": "failed", "milliseconds": 2.5}


def test_checks_get_the_configured_time(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HEALTH_TIMEOUT = 0.7
    monkeypatch.setattr(checks, "run", lambda timeout: {"cache": checks.Result("ok", timeout)})
    assert client.get("/health/").json()["checks"]["cache"]["milliseconds"] == 0.7


def test_head_has_no_body(client: Client) -> None:
    response = client.head("/health/")
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options", "trace"])
def test_other_methods_are_refused(method: str) -> None:
    client = Client(enforce_csrf_checks=True)
    assert getattr(client, method)("/health/").status_code == 405


def test_answer_is_not_cached_and_has_no_session(client: Client) -> None:
    response = client.get("/health/")
    assert "no-store" in response["Cache-Control"]
    assert not response.cookies


def test_only_the_checks_query_the_database(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        assert json.loads(client.get("/health/").content)["status"] == "ok"
