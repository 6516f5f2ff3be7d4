"""Readiness: the database answers, the cache keeps a value, and no migration is unapplied."""

import logging
import secrets
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import NamedTuple

from django.core.cache import caches
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

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
    # Opening a cursor pings the server, or connects to it: CONN_HEALTH_CHECKS.
    connection.cursor().close()


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


# The state of the table of migrations in which nothing was pending, and when we last looked.
# Planning takes a hundred times as long as asking whether that table has changed, and whoever asks
# for /health/ a thousand times a second gets that looked up once a second.
_complete: tuple[int, int] | None = None
_looked = 0.0
LOOK_EVERY_SECONDS = 1.0


def check_migrations() -> None:
    global _complete, _looked
    if _complete and time.monotonic() - _looked < LOOK_EVERY_SECONDS:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*), MAX(id) FROM django_migrations")
        applied = cursor.fetchone()
    _looked = time.monotonic()
    if applied == _complete:
        return
    _complete = None
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        raise Unready(f"unapplied migrations: {', '.join(str(step) for step, _ in plan)}")
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
                logger.exception("health: %s failed", name)
                found[name] = Result("failed", _milliseconds_since(begin))
                break
            found[name] = Result("ok", _milliseconds_since(begin))


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
                logger.error("health: %s gave no answer within %s s", name, timeout)
                missing = "unknown"
    return results


def _milliseconds_since(begin: float) -> float:
    return round((time.perf_counter() - begin) * 1000, 1)
