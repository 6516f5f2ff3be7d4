"""Measure the service against others in one run on this machine, and print a table.

docs/benchmarks.md explains each figure. A missed target does not change the exit code, which is 1
if something could not be measured, and 2 if DATABASE_URL or REDIS_URL is not set.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from platform import python_version
from typing import NoReturn

from . import first_run, image, startup, throughput
from .report import Figure, NotMeasured, table

SECTIONS: dict[str, tuple[str, Callable[[], Iterator[Figure]]]] = {
    "http": ("requests per second, connections per request", throughput.measure),
    "startup": ("time to the first answer, memory", startup.measure),
    "image": ("its size, and the time to build it again", image.measure),
    "setup": ("a fresh clone to a green `make test`", first_run.measure),
}
SERVED = {"http", "startup"}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        epilog="\n".join(f"  {name:8} {about}" for name, (about, _) in SECTIONS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "sections",
        nargs="*",
        metavar="SECTION",
        help="these only (default: all, about five minutes)",
    )
    chosen = parser.parse_args().sections or list(SECTIONS)
    if unknown := [name for name in chosen if name not in SECTIONS]:
        parser.error(f"no such section: {', '.join(unknown)}")
    if SERVED.intersection(chosen) and not _has_services():
        parser.error("set DATABASE_URL and REDIS_URL, or run `make bench`, which provides both")
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    # A terminated run must clean up like an interrupted one.
    signal.signal(signal.SIGTERM, _exit)
    try:
        return run(chosen)
    except KeyboardInterrupt:
        return 130


def run(chosen: list[str]) -> int:
    """Measure the sections, print the table, and return the exit code."""
    begin = time.monotonic()
    packages = ", ".join(f"{name} {version(name)}" for name in ("Django", "gunicorn"))
    today = time.strftime("%Y-%m-%d")
    print(f"{today}, {os.cpu_count()} cores, Python {python_version()}, {packages}")
    figures: list[Figure] = []
    missing: list[str] = []
    for name in chosen:
        about, measure = SECTIONS[name]
        print(f"{name}: {about} ...")
        try:
            figures.extend(measure())
        except NotMeasured as problem:
            missing.append(f"  {name}: {problem}")
    if figures:
        print(f"\n{table(figures)}")
    print(f"\n{time.monotonic() - begin:.0f} s in all.")
    if missing:
        print("\nDID NOT RUN, or not to its end:", *missing, sep="\n")
    return 1 if missing else 0


def _has_services() -> bool:
    return all(os.environ.get(name) for name in ("DATABASE_URL", "REDIS_URL"))


def _exit(number: int, _frame: object) -> NoReturn:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
