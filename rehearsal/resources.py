"""Measure what a rehearsal uses: processor seconds and memory of its containers, and pressure.

The Docker CLI prints percentages of a moment only, and takes two seconds for them. The engine's API
has the total of each container: https://docs.docker.com/reference/api/engine/version/v1.41/
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rehearsal import docker
from rehearsal.timeline import Sample, Timeline
from scripts.aws import Failure

PAUSE = 1.0  # seconds between two samples; of a container that ends, less than this is missed
PREFIXES = ("rehearsal-", "act-")
PRESSURE, STATISTICS = Path("/proc/pressure/cpu"), Path("/proc/stat")


class EngineConnection(http.client.HTTPConnection):
    """A connection to the engine that the Docker CLI uses, where that has a Unix socket."""

    def __init__(self) -> None:
        super().__init__("localhost", timeout=30)
        address = docker.docker("context", "inspect", "--format={{.Endpoints.docker.Host}}")
        scheme, _, self.path = address.partition("://")
        if scheme != "unix":
            raise Failure(f"the engine at {address} has no Unix socket")

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)

    def get(self, path: str) -> Any:
        """Return a JSON answer; raise Failure if there is none."""
        try:
            self.request("GET", f"/v1.41{path}")
            answer = self.getresponse()
            found = json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise Failure(f"Docker's API: {path}: {error}") from None
        if answer.status != 200:
            raise Failure(f"Docker's API: {path}: {found.get('message')}")
        return found


class Sampler:
    """Adds a sample to the timeline every second, until the block ends."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.seconds: dict[str, float] = {}  # processor seconds of each container, by its id
        self.before: dict[str, float] = {}  # what those had used that ran already

    def __enter__(self) -> Sampler:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        self.thread.join()

    def run(self) -> None:
        with suppress(Failure):
            engine = EngineConnection()
            waited, busy = waited_seconds(), busy_seconds()
            at = self.timeline.now()
            while not self.stopped.wait(PAUSE):
                megabytes = self.measure(engine)
                then, at = at, self.timeline.now()
                before, waited = waited, waited_seconds()
                pressure = (waited - before) / (at - then) if waited and at > then else 0
                used = sum(self.seconds.values()) - sum(self.before.values())
                self.timeline.samples.append(
                    Sample(
                        at,
                        cpu_seconds=round(used, 1),
                        machine_cpu_seconds=round(busy_seconds() - busy, 1),
                        memory_mb=round(megabytes),
                        pressure=round(min(pressure, 1), 2),
                    )
                )

    def measure(self, engine: EngineConnection) -> float:
        """Take the total of each container, and return the memory of all in MB."""
        names = quote(json.dumps({"name": [f"^/{prefix}" for prefix in PREFIXES]}))
        megabytes = 0.0
        first = not self.seconds
        for found in engine.get(f"/containers/json?filters={names}"):
            with suppress(Failure):  # it has ended since
                path = f"/containers/{found['Id']}/stats?stream=false&one-shot=true"
                usage = engine.get(path)
                self.seconds[found["Id"]] = usage["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9
                megabytes += megabytes_of(usage["memory_stats"])
        if first:
            self.before = dict(self.seconds)
        return megabytes


def megabytes_of(memory: dict[str, Any]) -> float:
    """Return what a container holds, as `docker stats` counts: without the cache of files."""
    statistics = memory.get("stats", {})
    cache = statistics.get("total_inactive_file", statistics.get("inactive_file", 0))
    return float(memory.get("usage", 0) - cache) / 1e6


def waited_seconds() -> float:
    """Return for how long, since the start of the machine, a program waited for a processor.

    Return 0 where the kernel does not say: https://docs.kernel.org/accounting/psi.html
    """
    try:
        some = PRESSURE.read_text().partition("\n")[0]
    except OSError:
        return 0
    return float(some.rpartition("total=")[2]) / 1e6


def busy_seconds() -> float:
    """Return how long the machine's processors have worked, all together, since its start.

    Return 0 where the kernel does not say: https://man7.org/linux/man-pages/man5/proc_stat.5.html
    """
    try:
        user, nice, system, _, _, *interrupts = STATISTICS.read_text().split()[1:8]
    except OSError:
        return 0
    return sum(map(int, [user, nice, system, *interrupts])) / os.sysconf("SC_CLK_TCK")
