"""Measure processor seconds and memory of a rehearsal's containers, and the processor pressure.

The Docker CLI prints only momentary percentages, and takes two seconds for them. The engine's API
has the total of each container: https://docs.docker.com/reference/api/engine/version/v1.41/
"""

from __future__ import annotations

import functools
import http.client
import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rehearsal import docker
from rehearsal.errors import Failure
from rehearsal.timeline import Sample, Timeline

PAUSE = 1.0  # seconds between two samples
PREFIXES = ("rehearsal-", "act-")
PRESSURE, STATISTICS = Path("/proc/pressure/cpu"), Path("/proc/stat")


@functools.cache
def engine_socket() -> str:
    """Return the path of the engine's Unix socket; raise Failure if it has none."""
    address = docker.docker("context", "inspect", "--format={{.Endpoints.docker.Host}}")
    scheme, _, path = address.partition("://")
    if scheme != "unix":
        raise Failure(f"the engine at {address} has no Unix socket")
    return path


class EngineConnection(http.client.HTTPConnection):
    """A connection to the engine of the Docker CLI, through its Unix socket."""

    def __init__(self) -> None:
        super().__init__("localhost", timeout=30)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(engine_socket())

    def lines(self, path: str) -> Iterator[Any]:
        """Yield each line of a JSON answer; raise Failure if there is none."""
        try:
            self.request("GET", f"/v1.41{path}")
            answer = self.getresponse()
            for line in answer:
                yield json.loads(line)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Failure(f"Docker's API: {path}: {error}") from None
        finally:
            self.close()


class Sampler:
    """Adds a sample to the timeline every second, until the block ends."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.followed: set[str] = set()
        # By container id. An ended container keeps its seconds, but uses no memory.
        self.seconds: dict[str, float] = {}
        self.seconds_before: dict[str, float] = {}
        self.megabytes: dict[str, float] = {}

    def __enter__(self) -> Sampler:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        self.thread.join()

    def run(self) -> None:
        waited, busy_before = waited_seconds(), busy_seconds()
        at = self.timeline.now()
        while not self.stopped.wait(PAUSE):
            with suppress(Failure):
                self.follow_new()
            then, at = at, self.timeline.now()
            before, waited = waited, waited_seconds()
            pressure = (waited - before) / (at - then) if at > then else 0
            used = sum(self.seconds.values()) - sum(self.seconds_before.values())
            self.timeline.samples.append(
                Sample(
                    at,
                    cpu_seconds=round(used, 1),
                    machine_cpu_seconds=round(busy_seconds() - busy_before, 1),
                    memory_mb=round(sum(self.megabytes.values())),
                    pressure=round(min(pressure, 1), 2),
                )
            )

    def follow_new(self) -> None:
        """Follow each new container; those of the first call may already have used time."""
        names = quote(json.dumps({"name": [f"^/{prefix}" for prefix in PREFIXES]}))
        is_first = not self.followed
        for listed in EngineConnection().lines(f"/containers/json?filters={names}"):
            for container in listed:
                identifier = container["Id"]
                if identifier not in self.followed:
                    self.followed.add(identifier)
                    words = (identifier, is_first)
                    threading.Thread(target=self.follow, args=words, daemon=True).start()

    def follow(self, identifier: str, ran_before: bool) -> None:
        """Record the engine's figures on a container every second, until it ends."""
        with suppress(Failure, KeyError):
            for usage in EngineConnection().lines(f"/containers/{identifier}/stats"):
                if self.stopped.is_set():
                    break
                seconds = usage["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9
                if ran_before:
                    self.seconds_before.setdefault(identifier, seconds)
                self.seconds[identifier] = max(seconds, self.seconds.get(identifier, 0))
                self.megabytes[identifier] = megabytes_of(usage["memory_stats"])
        self.megabytes.pop(identifier, None)


def megabytes_of(memory: dict[str, Any]) -> float:
    """Return a container's memory without the cache of files, as `docker stats` counts it."""
    statistics = memory.get("stats", {})
    cache = statistics.get("total_inactive_file", statistics.get("inactive_file", 0))
    return float(memory.get("usage", 0) - cache) / 1e6


def waited_seconds() -> float:
    """Return the seconds that programs have waited for a processor since the machine started.

    Return 0 if the kernel does not report it: https://docs.kernel.org/accounting/psi.html
    """
    try:
        some = PRESSURE.read_text().partition("\n")[0]
    except OSError:
        return 0
    return float(some.rpartition("total=")[2]) / 1e6


def busy_seconds() -> float:
    """Return the seconds that all processors have worked since the machine started.

    Return 0 if the kernel does not report it: https://man7.org/linux/man-pages/man5/proc_stat.5.html
    """
    try:
        user, nice, system, _, _, *interrupts = STATISTICS.read_text().split()[1:8]
    except OSError:
        return 0
    return sum(map(int, [user, nice, system, *interrupts])) / os.sysconf("SC_CLK_TCK")
