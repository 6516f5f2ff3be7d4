"""Measure the time to the first 200, the first answers after it, and the memory."""

import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from .report import Figure, NotMeasured
from .servers import DEFAULT, MINIMAL, OURS, THREADS, Server, Subject, get, prepare_peers, serve
from .services import Services, services

RUNS = 5
REQUESTS = 40
NEXT_REQUESTS = 100


def measure() -> Iterator[Figure]:
    """Yield the median times to start, taken in turns, and our memory."""
    prepare_peers()
    with services() as provided:
        yield from _start_up(provided)
        for path in ("/health/", "/releases/"):
            yield _first_answer(provided, path)
        yield Figure("memory, master and 2 workers", _memory(provided), " MiB", at_most=110)


def _start_up(services: Services) -> Iterator[Figure]:
    pages = [(MINIMAL, "/"), (DEFAULT, "/"), (OURS, "/health/live/"), (OURS, "/health/")]
    seconds: dict[tuple[Subject, str], list[float]] = {page: [] for page in pages}
    for _ in range(1 + RUNS):
        for page, taken in seconds.items():
            taken.append(_start(services, *page))
    # The first of each read its files from the disk, and compiled them.
    minimal, default, live, ready = (statistics.median(taken[1:]) for taken in seconds.values())
    yield Figure("start to /health/live/", live, " s", MINIMAL.name, minimal, at_most=2)
    yield Figure("start to /health/live/", live, " s", DEFAULT.name, default)
    yield Figure("start to /health/", ready, " s", MINIMAL.name, minimal)


def _start(services: Services, subject: Subject, path: str) -> float:
    with serve(subject, THREADS, services.environment, path) as server:
        return server.seconds_to_start


def _first_answer(services: Services, path: str) -> Figure:
    """Compare the first answer after a start with later ones, over TLS to MySQL as in AWS."""
    environment = services.environment_with_tls()
    first, later = [], []
    for _ in range(RUNS):
        with serve(OURS, THREADS, environment, "/health/live/") as server:
            first.append(_milliseconds(server, path))
            later += [_milliseconds(server, path) for _ in range(NEXT_REQUESTS)]
    return Figure(
        f"first {path} after a start, TLS to MySQL",
        statistics.median(first),
        " ms",
        f"the next {NEXT_REQUESTS}",
        statistics.median(later),
        at_most=3,
    )


def _milliseconds(server: Server, path: str) -> float:
    begin = time.perf_counter()
    status = get(server.port, path)
    took = 1000 * (time.perf_counter() - begin)
    if status != "200":
        raise NotMeasured(f"{path} answered {status}")
    return took


def _memory(services: Services) -> float:
    if sys.platform != "linux":
        raise NotMeasured("memory is read from /proc/PID/smaps_rollup, which only Linux has")
    with serve(OURS, THREADS, services.environment, "/health/") as server:
        for _ in range(REQUESTS):
            for path in ("/health/", "/health/live/", "/admin/login/", "/releases/"):
                _milliseconds(server, path)  # only a page that answers counts
        return sum(map(_proportional_mib, _pids(server)))


def _pids(server: Server) -> list[int]:
    master = server.process.pid
    children = Path(f"/proc/{master}/task/{master}/children").read_text()
    return [master, *map(int, children.split())]


def _proportional_mib(pid: int) -> float:
    """Return the memory of a process; shared memory is divided by its users."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
