"""Exchange of values with the GitHub workflow: variables, outputs, and the run's summary."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from delivery.errors import Failure


def variable(name: str) -> str:
    """Return a variable; raise Failure if it is not set."""
    if value := os.environ.get(name, "").strip():
        return value
    raise Failure(f"{name} is not set")


def output(name: str, value: str) -> None:
    """Set an output of the step to a value of one line; outside of a workflow, print it."""
    if file := os.environ.get("GITHUB_OUTPUT"):
        with Path(file).open("a") as outputs:
            outputs.write(f"{name}={' '.join(value.split())}\n")
    print(f"{name}: {value}")


def export(name: str, value: str) -> None:
    """Set a variable for the next steps; outside of a workflow, print it."""
    if file := os.environ.get("GITHUB_ENV"):
        with Path(file).open("a") as variables:
            variables.write(f"{name}={value}\n")
    print(f"{name}: {value}")


@contextmanager
def verbatim() -> Iterator[None]:
    """Print untrusted text in the block without GitHub obeying the commands in it."""
    token = secrets.token_hex(16) if os.environ.get("GITHUB_ACTIONS") == "true" else ""
    if token:
        print(f"::stop-commands::{token}")
    try:
        yield
    finally:
        if token:
            print(f"::{token}::")


def summary(text: str) -> None:
    """Add text to the page that GitHub shows for the run."""
    if file := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(file).open("a") as page:
            page.write(f"{text}\n")
