"""The commands that build images, and their progress."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

SECONDS_BETWEEN = 4  # lines of progress


class BuildError(Exception):
    """An image can be neither pulled nor built; the message says why."""


class Progress:
    """The images that are being built, each with its last line of output."""

    def __init__(self) -> None:
        self.begun: dict[str, float] = {}
        self.notes: dict[str, str] = {}
        self.wanted: list[Future[None]] = []
        self.image = threading.local()

    @contextmanager
    def making(self, image: str, how: str) -> Iterator[None]:
        """Record that this thread builds an image until the block ends."""
        self.image.name = image
        self.begun[image], self.notes[image] = time.monotonic(), how
        try:
            yield
        finally:
            del self.begun[image]
            self.image.name = ""

    def note(self, line: str) -> None:
        """Record the last line of output for this thread's image."""
        if image := getattr(self.image, "name", ""):
            self.notes[image] = line

    def lines(self) -> Iterator[str]:
        """Yield a line for each image that is being built."""
        now = time.monotonic()
        ready = f"{sum(future.done() for future in self.wanted)} of {len(self.wanted)} ready"
        for image, begun in list(self.begun.items()):
            note = self.notes[image][:70]
            yield f"  {image}: {now - begun:.0f} s ({ready}): {note}"

    def print_until(self, ended: threading.Event) -> None:
        while not ended.wait(SECONDS_BETWEEN):
            for line in self.lines():
                print(line, flush=True)


PROGRESS = Progress()


def run(*command: str, **variables: str) -> None:
    """Run a command; if it fails, raise BuildError with the end of its output."""
    said: deque[str] = deque(maxlen=20)
    with subprocess.Popen(
        command,
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout
        for line in filter(None, map(str.strip, process.stdout)):
            said.append(line)
            PROGRESS.note(line)
    if process.returncode:
        end = "\n".join(f"  {line}" for line in said)
        raise BuildError(f"`{' '.join(command[:2])}` failed:\n{end}")
