import logging
import threading
from collections.abc import Iterator

import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries, Settings

from apps.health import checks


def fails() -> None:
    raise checks.Unready("db.internal said no to root")


def passes() -> None:
    pass


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[checks.CheckGroup]]:
    """Replace the groups that `run` runs by an empty list, for a test to fill."""
    groups: list[checks.CheckGroup] = []
    monkeypatch.setattr(checks, "CHECK_GROUPS", groups)
    yield groups


def statuses(results: dict[str, checks.Result]) -> dict[str, str]:
    return {name: result.status for name, result in results.items()}


def test_a_check_after_a_failed_one_is_unknown(groups: list[checks.CheckGroup]) -> None:
    groups += [checks.CheckGroup(first=fails, second=passes), checks.CheckGroup(other=passes)]
    assert statuses(checks.run(60)) == {"first": "failed", "second": "unknown", "other": "ok"}


def test_the_reason_of_a_failure_is_only_in_the_log(
    groups: list[checks.CheckGroup], caplog: pytest.LogCaptureFixture
) -> None:
    groups += [checks.CheckGroup(first=fails)]
    assert "db.internal" not in str(checks.run(60))
    assert "db.internal said no to root" in caplog.text


def test_a_hanging_check_is_a_timeout(
    groups: list[checks.CheckGroup], caplog: pytest.LogCaptureFixture
) -> None:
    release = threading.Event()

    def hangs() -> None:
        release.wait()

    groups += [checks.CheckGroup(hangs=hangs, after=passes)]
    results = checks.run(0.1)
    release.set()
    assert statuses(results) == {"hangs": "timeout", "after": "unknown"}
    assert results["hangs"].milliseconds >= 100
    assert "hangs gave no answer within 0.1 s" in caplog.text


def test_a_hanging_check_does_not_delay_other_groups(groups: list[checks.CheckGroup]) -> None:
    release = threading.Event()

    def waits() -> None:
        release.wait()

    groups += [checks.CheckGroup(waits=waits), checks.CheckGroup(releases=release.set)]
    assert statuses(checks.run(60)) == {"waits": "ok", "releases": "ok"}


def test_callers_that_wait_for_a_hanging_check_share_the_next_run(
    groups: list[checks.CheckGroup],
) -> None:
    release, calls = threading.Event(), []

    def hangs() -> None:
        calls.append(1)
        release.wait()

    groups += [checks.CheckGroup(hangs=hangs)]
    assert [statuses(checks.run(0.02))["hangs"] for _ in range(5)] == ["timeout"] * 5
    release.set()
    assert statuses(checks.run(60)) == {"hangs": "ok"}
    assert 2 <= len(calls) <= 3


def test_no_caller_gets_a_result_from_before_its_call(groups: list[checks.CheckGroup]) -> None:
    calls: list[int] = []
    groups += [checks.CheckGroup(counts=lambda: calls.append(1))]
    for number in range(1, 4):
        checks.run(60)
        assert len(calls) == number


def test_a_cache_that_loses_values_fails(settings: Settings) -> None:
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"},
    }
    with pytest.raises(checks.Unready, match="lost a value"):
        checks.check_cache()


@pytest.mark.django_db
def test_the_table_of_migrations_is_read_at_most_once_a_second(
    django_assert_num_queries: DjangoAssertNumQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks.check_migrations()
    with django_assert_num_queries(0):
        checks.check_migrations()
    monkeypatch.setattr(checks, "READ_MIGRATIONS_EVERY_SECONDS", 0)
    with django_assert_num_queries(1):
        checks.check_migrations()


@pytest.mark.django_db
def test_a_reversed_migration_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    checks.check_migrations()
    monkeypatch.setattr(checks, "READ_MIGRATIONS_EVERY_SECONDS", 0)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'sessions'")
    for _ in range(2):
        with pytest.raises(checks.Unready, match=r"unapplied migrations: sessions\.0001_initial"):
            checks.check_migrations()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM django_migrations WHERE app = 'auth' AND name LIKE '0005%%'",
        "UPDATE django_migrations SET name = 'x' WHERE app = 'auth' AND name LIKE '0005%%'",
    ],
)
def test_a_gap_in_the_migrations_is_noticed(monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    checks.check_migrations()
    monkeypatch.setattr(checks, "READ_MIGRATIONS_EVERY_SECONDS", 0)
    with connection.cursor() as cursor:
        cursor.execute(change)
    for _ in range(2):
        with pytest.raises(checks.Unready, match=r"applied before its dependency auth\.0005"):
            checks.check_migrations()


@pytest.mark.django_db
def test_a_pending_migration_fails_each_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks.check_migrations, "_complete", None)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'sessions'")
    for _ in range(2):
        with pytest.raises(checks.Unready):
            checks.check_migrations()


def test_each_outage_is_logged_as_one_error(
    groups: list[checks.CheckGroup], caplog: pytest.LogCaptureFixture
) -> None:
    runs = iter([fails, fails, fails, passes, fails, fails])
    groups += [checks.CheckGroup(sometimes=lambda: next(runs)())]
    for _ in range(6):
        checks.run(60)
    levels = [record.levelno for record in caplog.records]
    warning, error = logging.WARNING, logging.ERROR
    assert levels == [error, warning, warning, error, warning]


@pytest.mark.django_db
def test_the_log_of_a_failure_has_the_id_of_the_request(
    groups: list[checks.CheckGroup], caplog: pytest.LogCaptureFixture
) -> None:
    from myproject import request_id
    from myproject.logs import RequestIdFilter

    groups += [checks.CheckGroup(first=fails)]
    caplog.handler.addFilter(RequestIdFilter())
    token = request_id.current.set("abc")
    checks.run(60)
    request_id.current.reset(token)
    assert [getattr(record, "request_id", "") for record in caplog.records] == ["abc"]
    assert caplog.records[0].levelno == logging.ERROR
