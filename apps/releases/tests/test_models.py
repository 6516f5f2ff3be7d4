from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, OperationalError, connection, connections

from apps.releases.models import Outcome, Release
from myproject.lost_races import ATTEMPTS

pytestmark = pytest.mark.django_db


def record(version: str, environment: str = "test", rolled_back: bool = False) -> Release:
    release, _ = Release.objects.record(
        version=version, commit="abc", environment=environment, rolled_back=rolled_back
    )
    return release


class Failing:
    """A query wrapper that fails the first `times` statements that begin with `verb`."""

    def __init__(self, error: Exception, times: int, verb: str = "SELECT") -> None:
        self.error, self.times, self.verb = error, times, verb
        self.calls = 0

    def __call__(self, execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if sql.startswith(self.verb):
            self.calls += 1
            if self.calls <= self.times:
                raise self.error
        return execute(sql, *rest)


def test_first_release_is_live() -> None:
    release = record("1.0")
    assert (release.outcome, release.ended) == (Outcome.LIVE, None)


def test_next_release_supersedes_the_live_one() -> None:
    before, after = record("1.0"), record("1.1")
    before.refresh_from_db()
    assert (before.outcome, before.ended) == (Outcome.SUPERSEDED, after.started)


def test_rollback_marks_the_release_it_replaces() -> None:
    before = record("1.1")
    record("1.0", rolled_back=True)
    before.refresh_from_db()
    assert before.outcome == Outcome.ROLLED_BACK


def test_recording_the_live_release_again_changes_nothing() -> None:
    first = record("1.0")
    again, news = Release.objects.record(version="1.0", commit="abc", environment="test")
    assert (again, news) == (first, False)
    assert Release.objects.count() == 1


def test_another_environment_keeps_its_live_release() -> None:
    record("1.0", environment="staging")
    record("1.1", environment="production")
    assert str(Release.objects.live_in("staging")) == "1.0 in staging"


def test_release_never_starts_before_the_one_it_replaces() -> None:
    ahead = record("1.0")
    ahead.started += timedelta(minutes=5)
    ahead.save()
    assert record("1.1").started == ahead.started


def test_database_refuses_a_second_live_release() -> None:
    record("1.0")
    with pytest.raises(IntegrityError, match="one_live_release"):
        Release.objects.create(
            version="1.1", commit="abc", environment="test", started=datetime.now(UTC)
        )


@pytest.mark.parametrize("version", ["", "1 0", "1.0\n", "v\x00", "unknown", "ü", "1" * 129])
def test_version_must_be_a_word(version: str) -> None:
    with pytest.raises(ValidationError, match="version"):
        record(version)


@pytest.mark.parametrize("code", [1205, 1213])
def test_failed_lock_is_retried(code: int) -> None:
    with connection.execute_wrapper(Failing(OperationalError(code, "lock"), times=2)):
        record("1.0")
    assert Release.objects.count() == 1


def test_failed_insert_is_retried() -> None:
    failing = Failing(IntegrityError(1062, "duplicate"), times=1, verb="INSERT")
    with connection.execute_wrapper(failing):
        record("1.0")
    assert Release.objects.count() == 1


def test_retries_are_limited() -> None:
    failing = Failing(OperationalError(1213, "deadlock"), times=1000)
    with connection.execute_wrapper(failing), pytest.raises(OperationalError, match="deadlock"):
        record("1.0")
    assert failing.calls == ATTEMPTS


def test_other_errors_are_not_retried() -> None:
    failing = Failing(OperationalError(1054, "unknown column"), times=1000)
    with connection.execute_wrapper(failing), pytest.raises(OperationalError, match="column"):
        record("1.0")
    assert failing.calls == 1


@pytest.mark.django_db(transaction=True)
def test_simultaneous_releases_are_all_kept_and_one_is_live() -> None:
    together = Barrier(8)

    def record_in_thread(n: int) -> None:
        together.wait()
        try:
            record(f"1.{n}")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(record_in_thread, range(8)))
    newest, *others = Release.objects.newest_first()
    assert {release.version for release in (newest, *others)} == {f"1.{n}" for n in range(8)}
    assert (newest.outcome, newest.ended) == (Outcome.LIVE, None)
    assert all(other.outcome == Outcome.SUPERSEDED and other.ended for other in others)


def test_name_of_a_release_without_a_version_is_its_short_commit() -> None:
    commit = "9f3c1b7ad0" * 4
    assert Release(version=commit, commit=commit).name == "9f3c1b7a"
