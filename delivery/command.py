"""Helpers for commands: read a time limit, ask for confirmation, report an error in one line."""

from __future__ import annotations

import math
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from delivery.errors import Failure


def seconds(text: str) -> float:
    """Return an argument's number of seconds; raise ValueError if it is negative or not finite."""
    if not 0 <= (number := float(text)) < math.inf:
        raise ValueError(text)
    return number


def confirm(question: str) -> bool:
    """Ask a yes-or-no question; no answer means no."""
    try:
        answer = input(f"{question} [y/N] ")
    except (EOFError, KeyboardInterrupt):
        answer = ""
        print()
    return answer.strip().lower() in ("y", "yes")


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Put off signals that end the command until a short action is over."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def run(name: str, act: Callable[[], int | None]) -> None:
    """Run the action of a command, and exit with its code.

    Exit with one line if it raises Failure or is interrupted.
    """
    # A cancelled job gets SIGINT, SIGTERM or both. A shell starts background commands with SIGINT
    # ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        code = act()
    except Failure as failure:
        sys.exit(f"{name}: {failure}")
    except KeyboardInterrupt as interrupt:
        reason = str(interrupt) or "interrupted; AWS completes the operations that it has started"
        sys.exit(f"\n{name}: {reason}")
    if code:
        sys.exit(code)
