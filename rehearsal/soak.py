"""Run the tests, the pipeline and the fast drills several times on a busy machine.

This finds checks that fail by chance. A failed run is not repeated. The table counts how often each
command passed, and the reports of failed runs are kept.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import IO

from rich.console import Console
from rich.table import Table

from rehearsal.capacity import processors
from rehearsal.errors import INTERRUPTED
from rehearsal.paths import DRILLS, DRILLS_REPORT, OUT, REPORT, ROOT, TIMELINE
from rehearsal.resources import waited_seconds

KEPT = OUT / "soak"
COMMANDS = {
    "test": [str(ROOT / "scripts" / "test")],
    "pipeline": [sys.executable, "-m", "rehearsal", "pipeline", "--yes"],
    "drills": [sys.executable, "-m", "rehearsal", "drill", "--fast"],
}
ONCE = ("drills",)  # they run two dozen workflows
EVIDENCE = {"pipeline": (REPORT, TIMELINE), "drills": (DRILLS_REPORT, DRILLS)}


@dataclass
class CommandRuns:
    """The results of the runs of a command."""

    name: str
    seconds: list[float] = field(default_factory=list)
    pressure: list[float] = field(default_factory=list)
    failed: int = 0
    requests: int = 0
    lost: int = 0


@contextmanager
def busy_loops(count: int) -> Iterator[None]:
    """Keep `count` processes computing until the block ends."""
    command = [sys.executable, "-c", "while True: pass"]
    loops = [subprocess.Popen(command) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def run_once(row: CommandRuns, number: int, console: Console) -> None:
    """Run a command, record its result, and keep its reports if it failed."""
    name = f"{row.name}-{number}"
    log = KEPT / f"{name}.log"
    begin, waited = time.monotonic(), waited_seconds()
    with log.open("w") as output:
        code = run_to_its_end(COMMANDS[row.name], output)
    took = time.monotonic() - begin
    row.seconds.append(took)
    row.pressure.append(min(1, (waited_seconds() - waited) / took))
    requests, lost = load_of(row.name)
    row.requests, row.lost = row.requests + requests, row.lost + lost
    if code:
        row.failed += 1
        for file in filter(Path.exists, EVIDENCE.get(row.name, ())):
            shutil.copy(file, KEPT / f"{name}-{file.name}")
    outcome = f"FAILED with exit code {code}, log: {log}" if code else "passed"
    console.print(f"{name}: {outcome}, {took:.0f} s")


def run_to_its_end(command: Sequence[str], output: IO[str]) -> int:
    """Return a command's exit code. An interrupt of this process interrupts the whole command."""
    with subprocess.Popen(
        command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
    ) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            os.killpg(process.pid, signal.SIGINT)
            process.wait()
            raise


def load_of(name: str) -> tuple[int, int]:
    """Return the number of requests, and of lost requests, in the last run."""
    if name == "pipeline" and TIMELINE.exists():
        loads = [stage["load"] for stage in json.loads(TIMELINE.read_text())["stages"]]
        return sum(one["requests"] for one in filter(None, loads)), sum(
            len(one["lost"]) for one in filter(None, loads)
        )
    return 0, 0


def table(rows: Sequence[CommandRuns], runs: int, loops: int) -> Table:
    """Return the table of all runs."""
    found = Table(title=f"{loops} busy loops on {processors()} processors", box=None)
    found.add_column("command")
    for name in ("passed", "seconds: min", "median", "max", "requests", "lost", "pressure"):
        found.add_column(name, justify="right")
    for row in rows:
        done = len(row.seconds)
        wanted = 1 if row.name in ONCE else runs
        figures = [min(row.seconds), median(row.seconds), max(row.seconds)] if done else []
        found.add_row(
            row.name,
            f"{done - row.failed} of {wanted}",
            *([f"{figure:.0f}" for figure in figures] or [""] * 3),
            str(row.requests or ""),
            str(row.lost) if row.requests else "",
            f"{median(row.pressure):.0%}" if done else "",
        )
    return found


def positive(text: str) -> int:
    """Return a number of at least 1; raise ValueError, which argparse reports, otherwise."""
    if (number := int(text)) < 1:
        raise ValueError(text)
    return number


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        "python -m rehearsal.soak",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Exit code 0: all passed; 1: not all; 130: interrupted. Logs: rehearsal/.out/soak",
    )
    parser.add_argument(
        "commands",
        nargs="*",
        metavar="COMMAND",
        help=f"one or more of {', '.join(COMMANDS)} (default: all; the drills run only once)",
    )
    parser.add_argument(
        "--runs",
        type=positive,
        default=5,
        metavar="N",
        help="for each command (default: %(default)s)",
    )
    parser.add_argument(
        "--loops",
        type=int,
        default=processors(),
        metavar="N",
        help="processes that keep the machine busy (default: %(default)s)",
    )
    args = parser.parse_args(arguments)
    if unknown := [name for name in args.commands if name not in COMMANDS]:
        parser.error(f"unknown command {unknown[0]!r}: choose from {', '.join(COMMANDS)}")
    shutil.rmtree(KEPT, ignore_errors=True)
    KEPT.mkdir(parents=True)
    rows = [CommandRuns(name) for name in args.commands or COMMANDS]
    console, code = Console(highlight=False, soft_wrap=True), 0
    try:
        with busy_loops(args.loops):
            for row in rows:
                for number in range(1, 1 + (1 if row.name in ONCE else args.runs)):
                    run_once(row, number, console)
    except KeyboardInterrupt:
        code = INTERRUPTED
    console.print()
    console.print(table(rows, args.runs, args.loops))
    return code or int(any(row.failed for row in rows))


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    sys.exit(main())
