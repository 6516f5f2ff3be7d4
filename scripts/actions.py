"""What a script shares with the workflow that runs it: variables in, outputs and a summary out."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from scripts.aws import Failure


def variable(name: str) -> str:
    """Return a variable that must be set."""
    if value := os.environ.get(name, "").strip():
        return value
    raise Failure(f"{name} is not set")


def output(name: str, value: str) -> None:
    """Hand a value of one line to the steps after this one; where there are none, print it."""
    if file := os.environ.get("GITHUB_OUTPUT"):
        with Path(file).open("a") as outputs:
            outputs.write(f"{name}={' '.join(value.split())}\n")
    print(f"{name}: {value}")


def export(name: str, value: str) -> None:
    """Give the steps after this one a variable; where there are none, print it."""
    if file := os.environ.get("GITHUB_ENV"):
        with Path(file).open("a") as variables:
            variables.write(f"{name}={value}\n")
    print(f"{name}: {value}")


def summary(text: str) -> None:
    """Add to what GitHub shows on the run's page."""
    if file := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(file).open("a") as page:
            page.write(f"{text}\n")


def confirm(question: str) -> bool:
    """Ask whoever sits there; nobody there is a no."""
    try:
        answer = input(f"{question} [y/N] ")
    except (EOFError, KeyboardInterrupt):
        answer = ""
        print()
    return answer.strip().lower() in ("y", "yes")


def run(name: str, act: Callable[[], None]) -> None:
    """Do it, and end with one line where it can't be done."""
    # Whoever cancels a job sends this after Ctrl-C's signal, or alone.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        act()
    except Failure as failure:
        sys.exit(f"scripts/{name}: {failure}")
    except KeyboardInterrupt:
        sys.exit(f"\nscripts/{name}: stopped; what was asked for goes on")
