from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError
from django.db.migrations.exceptions import InconsistentMigrationHistory
from django.test import RequestFactory
from pytest_django import Settings

from myproject.client_ip import client_ip
from myproject.startup import one_line_errors
from myproject.wsgi import application


def end(error: Exception) -> Any:
    with pytest.raises(SystemExit) as ended, one_line_errors():
        raise error
    return ended.value.code


def test_a_wrong_environment_ends_with_a_message() -> None:
    assert end(ImproperlyConfigured("SECRET_KEY: is not set")) == "SECRET_KEY: is not set"


def test_an_unusable_database_ends_with_the_reason() -> None:
    assert end(OperationalError(1045, "Access denied for user 'app'@'web'")) == (
        "DATABASE_URL: the database can't be used: Access denied for user 'app'@'web'"
    )


def test_a_database_of_other_code_ends_with_the_remedy() -> None:
    message = end(InconsistentMigrationHistory("admin.0001 is applied before users.0001."))
    assert "admin.0001 is applied before users.0001." in message
    assert "docs/fork.md#the-user-model" in message
    assert "rm db.sqlite3" in message


def test_a_missing_settings_module_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "myproject.settings.prod")
    missing = ModuleNotFoundError(name="myproject.settings.prod")
    assert end(missing) == "DJANGO_SETTINGS_MODULE: there is no module myproject.settings.prod"
    with pytest.raises(ModuleNotFoundError), one_line_errors():
        raise ModuleNotFoundError(name="another")


@pytest.mark.parametrize("arguments", [(1213, "Deadlock found"), ("locked",), ()])
def test_any_other_error_keeps_its_traceback(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(OperationalError), one_line_errors():
        raise OperationalError(*arguments)


def test_the_wsgi_application_answers_liveness() -> None:
    answer: list[Any] = []
    request = RequestFactory().get("/health/live/", headers={"Host": "10.0.1.7"})
    application(request.environ, lambda *arguments: answer.extend(arguments))  # type: ignore[arg-type]
    assert answer[0] == "200 OK"


@pytest.mark.parametrize(
    ("behind", "forwarded", "caller"),
    [
        (True, "203.0.113.9", "203.0.113.9"),
        (True, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (True, "", "127.0.0.1"),
        (False, "203.0.113.9", "127.0.0.1"),
        (True, "203.0.113.9:4711", "203.0.113.9"),
        (True, "2001:DB8::0:1", "2001:db8::1"),
        (True, "[2001:db8::1]", "2001:db8::1"),
        (True, '"[2001:db8::1]:4711"', "2001:db8::1"),
        (True, "fe80::1%eth0", "fe80::1"),
        (True, "::ffff:203.0.113.9", "203.0.113.9"),
        (True, "unknown", "127.0.0.1"),
        (True, "203.0.113.9,", "127.0.0.1"),
        (True, "[::1", "127.0.0.1"),
        (True, "x" * 300, "127.0.0.1"),
    ],
)
def test_only_the_address_from_the_load_balancer_is_trusted(
    settings: Settings, behind: bool, forwarded: str, caller: str
) -> None:
    settings.BEHIND_LOAD_BALANCER = behind
    request = RequestFactory().get("/", headers={"X-Forwarded-For": forwarded})
    assert client_ip(request) == caller


@pytest.mark.parametrize("address", ["", "unix:"])
def test_clients_without_an_address_count_as_one(address: str) -> None:
    assert client_ip(RequestFactory().get("/", REMOTE_ADDR=address)) == "::"
