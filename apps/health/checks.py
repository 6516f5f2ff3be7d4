"""Readiness: the database takes writes, the cache keeps a value, no migration is unapplied."""

import logging
import mmap
import secrets
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from threading import Lock
from typing import NamedTuple

from django.core.cache import caches
from django.db import DatabaseError, connection
from django.db.migrations.exceptions import InconsistentMigrationHistory
from django.db.migrations.executor import MigrationExecutor

from apps.health.connections import is_read_only
from myproject import request_id
from myproject.cache import RedisCache

logger = logging.getLogger(__name__)


class Result(NamedTuple):
    """How a check ended: ok, failed, timeout, or unknown (what it builds on failed before it)."""

    status: str
    milliseconds: float


class Unready(Exception):
    """A dependency answers, and not as it should."""


def check_database() -> None:
    connection.close_if_unusable_or_obsolete()
    if connection.connection is not None:
        with suppress(DatabaseError):
            if not is_read_only(connection):
                return
        connection.close()
    if is_read_only(connection):
        raise Unready("the database is read-only")


def check_cache() -> None:
    cache, word = caches["default"], secrets.token_hex(8)
    key = f"health:{word}"
    if isinstance(cache, RedisCache):
        kept = cache.echo(key, word, timeout=10)
    else:
        cache.set(key, word, timeout=10)
        kept = cache.get(key)
    if kept != word:
        raise Unready("the cache lost a value that it had just been given")


# The applied migrations with which nothing was pending, and when we last looked.
# Planning takes a hundred times as long as asking which are applied, and whoever asks for /health/
# a thousand times a second gets that looked up once a second.
_complete: tuple[tuple[str, str], ...] | None = None
_looked = 0.0
LOOK_EVERY_SECONDS = 1.0


def check_migrations() -> None:
    global _complete, _looked
    if _complete and time.monotonic() - _looked < LOOK_EVERY_SECONDS:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT app, name FROM django_migrations ORDER BY id")
        applied = tuple(cursor.fetchall())
    _looked = time.monotonic()
    if applied == _complete:
        return
    _complete = None
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        raise Unready(f"unapplied migrations: {', '.join(str(step) for step, _ in plan)}")
    try:
        executor.loader.check_consistent_history(connection)
    except InconsistentMigrationHistory as gap:
        raise Unready(str(gap)) from None
    _complete = applied


class Round(NamedTuple):
    """One run of a lane's checks: what it has found so far, and whether it has come to its end."""

    found: dict[str, Result]
    end: Future[None]


class Lane:
    """Checks that build on each other, run in turn on a thread that keeps its connection.

    A thread of its own is what bounds a check: a driver that waits for a silent server can't be
    interrupted, but it can be left behind.
    """

    def __init__(self, **checks: Callable[[], None]) -> None:
        self.checks = checks
        # Whether a failure is known already, in memory that forked workers share: an outage is one
        # error in the log, whichever worker is asked, and however often.
        self._known = {name: mmap.mmap(-1, 1) for name in checks}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"health-{'-'.join(checks)}")
        self._lock = Lock()
        self._next: Round | None = None

    def next_round(self) -> Round:
        """Return the round that begins next, shared by all who ask for it before it begins."""
        with self._lock:
            if self._next is None:
                found: dict[str, Result] = {}
                end = self._thread.submit(self._run, found, request_id.current.get())
                self._next = Round(found, end)
            return self._next

    def _run(self, found: dict[str, Result], caller: str) -> None:
        with self._lock:
            self._next = None
        request_id.current.set(caller)
        for name, check in self.checks.items():
            begin = time.perf_counter()
            try:
                check()
            except Exception:
                self.report(name, "health: %s failed", exc_info=True)
                found[name] = Result("failed", _milliseconds_since(begin))
                break
            found[name] = Result("ok", _milliseconds_since(begin))
            self._known[name][0] = False

    def report(self, name: str, message: str, *words: object, exc_info: bool = False) -> None:
        """Log a failure: as an error when it begins, and as a warning while it lasts."""
        known = self._known[name]
        level = logging.WARNING if known[0] else logging.ERROR
        known[0] = True
        logger.log(level, message, name, *words, exc_info=exc_info)


LANES = (Lane(database=check_database, migrations=check_migrations), Lane(cache=check_cache))


def run(timeout: float) -> dict[str, Result]:
    """Run every check and return, after `timeout` seconds at the latest, how each ended."""
    begin = time.perf_counter()
    results = {}
    for lane, (found, end) in [(lane, lane.next_round()) for lane in LANES]:
        missing = "unknown"
        try:
            end.result(max(0.0, timeout - (time.perf_counter() - begin)))
        except TimeoutError:
            missing = "timeout"
        for name in lane.checks:
            results[name] = found.get(name) or Result(missing, _milliseconds_since(begin))
            if results[name].status == "timeout":
                lane.report(name, "health: %s gave no answer within %s s", timeout)
                missing = "unknown"
    return results


def _milliseconds_since(begin: float) -> float:
    return round((time.perf_counter() - begin) * 1000, 1)
