"""Readiness: the database takes writes, the cache keeps values, all migrations are applied."""

import logging
import mmap
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import NamedTuple

from django.core.cache import caches
from django.db import DatabaseError, connection
from django.db.migrations.exceptions import InconsistentMigrationHistory
from django.db.migrations.executor import MigrationExecutor

from apps.health.connections import is_read_only
from myproject import request_id
from myproject.cache import RedisCache

logger = logging.getLogger(__name__)

READ_MIGRATIONS_EVERY_SECONDS = 1.0


class Result(NamedTuple):
    """The end of a check: ok, failed, timeout, or unknown (a check that it depends on failed)."""

    status: str
    milliseconds: float


class Unready(Exception):
    """A dependency answered, but not as required."""


def check_database() -> None:
    """Raise Unready if the database refuses writes."""
    connection.close_if_unusable_or_obsolete()
    if _is_open_and_writable():
        return
    # After a failover the old primary is read-only, and a new connection leads to the new primary.
    connection.close()
    if is_read_only(connection):
        raise Unready("the database is read-only")


def _is_open_and_writable() -> bool:
    try:
        return connection.connection is not None and not is_read_only(connection)
    except DatabaseError:
        return False


def check_cache() -> None:
    """Raise Unready if the cache does not return a value that was just stored."""
    cache, word = caches["default"], secrets.token_hex(8)
    key = f"health:{word}"
    if isinstance(cache, RedisCache):
        kept = cache.echo(key, word, timeout=10)
    else:
        cache.set(key, word, timeout=10)
        kept = cache.get(key)
    if kept != word:
        raise Unready("the cache lost a value that it had just been given")


class MigrationCheck:
    """Check that every migration is applied and that the history has no gap.

    Planning takes a hundred times as long as reading which migrations are applied, and /health/ may
    be requested a thousand times a second. So the table is read at most once a second, and planning
    is repeated only when the table has changed.
    """

    def __init__(self) -> None:
        self._complete: tuple[tuple[str, str], ...] | None = None  # with these nothing was pending
        self._read_at = 0.0

    def __call__(self) -> None:
        """Raise Unready if a migration is unapplied or was applied before its dependency."""
        if self._complete and time.monotonic() - self._read_at < READ_MIGRATIONS_EVERY_SECONDS:
            return
        with connection.cursor() as cursor:
            cursor.execute("SELECT app, name FROM django_migrations ORDER BY id")
            applied = tuple(cursor.fetchall())
        self._read_at = time.monotonic()
        if applied != self._complete:
            self._complete = None
            _plan()
            self._complete = applied


def _plan() -> None:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        raise Unready(f"unapplied migrations: {', '.join(str(step) for step, _ in plan)}")
    try:
        executor.loader.check_consistent_history(connection)
    except InconsistentMigrationHistory as gap:
        raise Unready(str(gap)) from None


check_migrations = MigrationCheck()


class FailureLog:
    """The log of one check's failures: an outage is one error, and then warnings while it lasts."""

    def __init__(self, check: str) -> None:
        self._check = check
        # Forked workers share this byte, so that an outage is one error for all of them together.
        self._failing = mmap.mmap(-1, 1)

    def failed(self, message: str, *args: object, exc_info: bool = False) -> None:
        level = logging.WARNING if self._failing[0] else logging.ERROR
        self._failing[0] = True
        logger.log(level, message, self._check, *args, exc_info=exc_info)

    def passed(self) -> None:
        self._failing[0] = False


class InFlight:
    """One run of a group's checks: whether it has begun, its results so far, and its end."""

    def __init__(self) -> None:
        self.begun = False
        self.results: dict[str, Result] = {}
        self.finished = Event()


class CheckGroup:
    """Checks that depend on each other, run in order on one thread that keeps its connection.

    A driver that waits for a silent server can't be interrupted. The callers of a check on another
    thread can stop waiting for it.
    """

    def __init__(self, **checks: Callable[[], None]) -> None:
        self.checks = checks
        self.logs = {name: FailureLog(name) for name in checks}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"health-{'-'.join(checks)}")
        self._newest: InFlight | None = None

    def start(self) -> InFlight:
        """Return a run that begins after this call; callers share it until it begins.

        So the queue stays short while a check hangs, and no caller gets an older result.
        """
        run = self._newest
        if run is None or run.begun:
            # Two callers at once may both start a run; each gets a valid one, so no lock is needed.
            run = InFlight()
            self._thread.submit(self._run, run, request_id.current.get())
            self._newest = run
        return run

    def _run(self, run: InFlight, caller: str) -> None:
        run.begun = True
        request_id.current.set(caller)
        for name, check in self.checks.items():
            begin = time.perf_counter()
            try:
                check()
            except Exception:
                self.logs[name].failed("health: %s failed", exc_info=True)
                run.results[name] = Result("failed", _milliseconds_since(begin))
                break
            run.results[name] = Result("ok", _milliseconds_since(begin))
            self.logs[name].passed()
        run.finished.set()


CHECK_GROUPS = (
    CheckGroup(database=check_database, migrations=check_migrations),
    CheckGroup(cache=check_cache),
)


def run(timeout: float) -> dict[str, Result]:
    """Run all checks, and return the result of each after at most `timeout` seconds."""
    begin = time.perf_counter()
    results = {}
    for group, in_flight in [(group, group.start()) for group in CHECK_GROUPS]:
        finished = in_flight.finished.wait(max(0.0, timeout - (time.perf_counter() - begin)))
        for name in group.checks:
            if result := in_flight.results.get(name):
                results[name] = result
            elif finished:
                results[name] = Result("unknown", _milliseconds_since(begin))
            else:
                results[name] = Result("timeout", _milliseconds_since(begin))
                group.logs[name].failed("health: %s gave no answer within %s s", timeout)
                finished = True  # for the checks after this one, which did not begin
    return results


def _milliseconds_since(begin: float) -> float:
    return round((time.perf_counter() - begin) * 1000, 1)
