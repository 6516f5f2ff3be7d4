"""The timeline of a rehearsal: the data of the report and of the JSON file.

All times are in seconds since the rehearsal started.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Literal

from rehearsal.files import replace_text

NEAR = 3.0  # seconds between a cause and a lost request

Outcome = Literal["running", "success", "failure", "skipped"]


@dataclass
class Step:
    """A step of a job. Its output is kept while it runs, and if it fails."""

    name: str
    started: float
    finished: float | None = None
    outcome: Outcome = "running"
    log: list[str] = field(default_factory=list)


@dataclass
class Job:
    """A job of a workflow or of a called one; each entry of a matrix is a job."""

    name: str
    started: float
    finished: float | None = None
    outcome: Outcome = "running"
    steps: list[Step] = field(default_factory=list)


@dataclass
class Second:
    """The load in one second: answers by commit, and lost requests."""

    second: int
    answered: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    p95_ms: float = 0


@dataclass
class Lost:
    """A request without a good answer, and the reason."""

    at: float
    path: str
    why: str


@dataclass
class Load:
    """The requests to an environment during a change."""

    url: str
    rate: int
    requests: int = 0
    seconds: list[Second] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)


@dataclass
class Tasks:
    """The number of running tasks of each revision at a moment."""

    at: float
    running: dict[str, int] = field(default_factory=dict)
    healthy: dict[str, int] = field(default_factory=dict)


@dataclass
class Stage:
    """A part of the rehearsal: a workflow run, or its preparation."""

    name: str
    title: str
    started: float
    finished: float | None = None
    outcome: Outcome = "running"
    jobs: list[Job] = field(default_factory=list)
    load: Load | None = None
    rollout: list[Tasks] = field(default_factory=list)

    def seconds(self, job: str, step: str) -> float:
        """Return the duration of a step of a job; 0 if it did not end."""
        for found in (s for j in self.jobs if j.name == job for s in j.steps if s.name == step):
            return found.finished - found.started if found.finished else 0
        return 0


@dataclass
class Image:
    """An image that an environment's repository holds."""

    environment: str
    tag: str
    digest: str


@dataclass
class Release:
    """A release in `/releases.json` of an environment."""

    environment: str
    version: str
    commit: str
    live_since: str
    outcome: str


@dataclass
class Message:
    """A message to Slack or to GitHub's API."""

    at: float
    receiver: str
    text: str


@dataclass
class Drilled:
    """The result of a drill: the expected gate, the one that stopped it, and the problems."""

    name: str
    fault: str
    expected: str
    stopped: str = ""
    outcome: Outcome = "running"
    seconds: float = 0
    requests: int = 0
    lost: int = 0
    problems: list[str] = field(default_factory=list)
    log: str = ""  # the output of the step that stopped it


@dataclass
class Sample:
    """The use of the machine up to a moment."""

    at: float
    cpu_seconds: float  # of its containers, since it started
    machine_cpu_seconds: float  # of all that ran on the machine: Docker, act, image builds, others
    memory_mb: float
    pressure: float  # since the last sample, the share of time in which a program waited to run


@dataclass
class Timeline:
    """A rehearsal."""

    started: str
    commit: str
    version: str
    outcome: Outcome = "running"
    reason: str = ""
    seconds: float = 0
    offline: list[str] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    releases: list[Release] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    drills: list[Drilled] = field(default_factory=list)
    jobs_at_once: int = 0  # the limit
    samples: list[Sample] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._zero = time.monotonic()

    def now(self) -> float:
        """Return the seconds since the rehearsal started."""
        return round(time.monotonic() - self._zero, 2)

    @property
    def peak_memory_mb(self) -> float:
        return max((sample.memory_mb for sample in self.samples), default=0)

    def cpu_seconds(self, start: float, end: float) -> tuple[float, float]:
        """Return the processor seconds between two moments: of the containers, of the machine."""
        nothing = Sample(0, 0, 0, 0, 0)

        def last(at: float) -> Sample:
            return next((s for s in reversed(self.samples) if s.at <= at), nothing)

        then, now = last(start), last(end)
        return (
            now.cpu_seconds - then.cpu_seconds,
            now.machine_cpu_seconds - then.machine_cpu_seconds,
        )

    @property
    def pressure(self) -> float | None:
        """Return the median of all samples; None if the kernel reports none."""
        found = [sample.pressure for sample in self.samples if sample.pressure]
        return median(found) if found else None

    def pressure_at(self, at: float) -> str:
        """Return a remark on the processor pressure at a moment; empty if it was not measured."""
        near = [s.pressure for s in self.samples if abs(s.at - at) <= NEAR]
        if not near or self.pressure is None:
            return ""
        return (
            f" (programs waited for a processor {max(near):.0%} of that time;"
            f" the median of this run is {self.pressure:.0%})"
        )

    def write(self, path: Path) -> None:
        """Write the timeline as JSON."""
        replace_text(path, json.dumps(asdict(self), indent=1) + "\n")
