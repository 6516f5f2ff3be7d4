"""Measure requests per second, and the exchanges with MySQL and Redis per request."""

import re
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field

from .report import Figure, NotMeasured
from .servers import (
    BARE,
    DEFAULT,
    HEALTH_CHECK,
    MINIMAL,
    OURS,
    SYNC,
    THREADS,
    Server,
    Subject,
    find,
    prepare_peers,
    serve,
)
from .services import Services, services

WARM_UP_SECONDS = 1
SECONDS = 1
RUNS = 9
# wrk leaves requests behind that are still served: they must not count for the next subject.
SETTLE_SECONDS = 0.3
LOAD = ["--threads", "2", "--connections", "16", "--header", "X-Forwarded-Proto: https"]


@dataclass
class Target:
    """A page of a subject under load, and its results."""

    subject: Subject
    path: str
    rates: list[float] = field(default_factory=list)
    requests: int = 0
    mysql: int = 0
    redis: int = 0

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)


def measure() -> Iterator[Figure]:
    """Yield the figures under sync workers and under threads."""
    wrk = find("wrk", "wrk")
    prepare_peers()
    with services() as provided:
        yield from _sync(wrk, provided)
        yield from _threads(wrk, provided)


def _sync(wrk: str, services: Services) -> Iterator[Figure]:
    live, ready = Target(OURS, "/health/live/"), Target(OURS, "/health/")
    bare, health_check = Target(BARE, "/"), Target(HEALTH_CHECK, "/health/?format=json")
    minimal, default = Target(MINIMAL, "/"), Target(DEFAULT, "/")

    _load(wrk, services, SYNC, [bare, live, minimal, default, health_check, ready])
    yield _compare("sync", live, bare, 0.85)
    yield _compare("sync", live, minimal)
    yield _compare("sync", live, default)
    yield _compare("sync", ready, health_check, 6)
    yield _connections("MySQL", ready.mysql, ready, health_check.mysql, health_check)
    yield _connections("Redis", ready.redis, ready, health_check.redis, health_check)


def _threads(wrk: str, services: Services) -> Iterator[Figure]:
    live, ready = Target(OURS, "/health/live/"), Target(OURS, "/health/")
    bare, health_check = Target(BARE, "/"), Target(HEALTH_CHECK, "/health/?format=json")
    _load(wrk, services, THREADS, [bare, live, health_check, ready])
    yield _compare("threads", live, bare, 0.85)
    yield _compare("threads", ready, health_check, 6)


def _compare(workers: str, ours: Target, theirs: Target, at_least: float | None = None) -> Figure:
    return Figure(
        f"{ours.path}, {workers}",
        ours.rate,
        "/s",
        theirs.subject.name,
        theirs.rate,
        at_least,
        ratio_in_turns=statistics.median(
            mine / other for mine, other in zip(ours.rates, theirs.rates, strict=True)
        ),
    )


def _connections(
    server: str, opened: int, ours: Target, their_opened: int, theirs: Target
) -> Figure:
    """Return new connections per request, as an absolute figure: a ratio to zero is undefined."""
    return Figure(
        f"{ours.path}, {server} connections a request",
        round(opened / ours.requests, 3),
        "",
        f"{theirs.subject.name}: {their_opened / theirs.requests:.3g}",
        at_most=0,
    )


def _load(wrk: str, services: Services, workers: list[str], targets: list[Target]) -> None:
    """Load all targets in turns, so that other work on the machine affects all alike."""
    with ExitStack() as stack:
        # A server each: one that is loaded elsewhere replaces its workers, and those connect anew.
        served = [
            (target, stack.enter_context(_serve(target, services, workers)).port)
            for target in targets
        ]
        for target, port in served:
            _wrk(wrk, target, port, WARM_UP_SECONDS)
        for _ in range(RUNS):
            for target, port in served:
                _measure(wrk, services, target, port)


def _serve(
    target: Target, services: Services, workers: list[str]
) -> AbstractContextManager[Server]:
    return serve(target.subject, workers, services.environment, target.path)


def _measure(wrk: str, services: Services, target: Target, port: int) -> None:
    mysql, redis = services.connections()
    rate, requests = _wrk(wrk, target, port, SECONDS)
    mysql_after, redis_after = services.connections()
    target.rates.append(rate)
    target.requests += requests
    target.mysql += mysql_after - mysql
    target.redis += redis_after - redis


def _wrk(wrk: str, target: Target, port: int, seconds: int) -> tuple[float, int]:
    """Return requests per second and their number; raise NotMeasured if one failed."""
    url = f"http://127.0.0.1:{port}{target.path}"
    command = [wrk, *LOAD, "--duration", f"{seconds}s", url]
    output = subprocess.run(command, capture_output=True, text=True).stdout
    time.sleep(SETTLE_SECONDS)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    requests = re.search(r"(\d+) requests in", output)
    bad = re.search(r"(Non-2xx.*|Socket errors.*)", output)
    if not rate or not requests or bad:
        reason = bad[1] if bad else output.strip() or "wrk said nothing"
        raise NotMeasured(f"{target.subject.name}, {target.path}: {reason}")
    return float(rate[1]), int(requests[1])
