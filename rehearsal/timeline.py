"""What happened in a rehearsal, and when: the report and the JSON file are both made of this.

Every time is in seconds since the rehearsal started.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

Outcome = Literal["running", "success", "failure", "skipped"]


@dataclass
class Step:
    """A step of a job. What it printed is kept while it runs, and afterwards if it failed."""

    name: str
    started: float
    finished: float | None = None
    outcome: Outcome = "running"
    log: list[str] = field(default_factory=list)


@dataclass
class Job:
    """A job of a workflow; of a called workflow too, and one for each entry of a matrix."""

    name: str
    started: float
    finished: float | None = None
    outcome: Outcome = "running"
    steps: list[Step] = field(default_factory=list)


@dataclass
class Second:
    """What the load saw in one second: answers by the commit that gave them, and what was lost."""

    second: int
    answered: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    p95_ms: float = 0


@dataclass
class Lost:
    """A request that got no good answer, and why."""

    at: float
    path: str
    why: str


@dataclass
class Load:
    """The requests that were sent to an environment while it changed."""

    url: str
    rate: int
    requests: int = 0
    seconds: list[Second] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)


@dataclass
class Tasks:
    """How many tasks of each revision of the task definition ran at a moment."""

    at: float
    running: dict[str, int] = field(default_factory=dict)
    healthy: dict[str, int] = field(default_factory=dict)


@dataclass
class Stage:
    """One part of the rehearsal: a workflow that was run, or what prepared for it."""

    name: str
    title: str
    started: float
    finished: float | None = None
    outcome: Outcome = "running"
    jobs: list[Job] = field(default_factory=list)
    load: Load | None = None
    rollout: list[Tasks] = field(default_factory=list)


@dataclass
class Image:
    """An image that an environment's repository holds."""

    environment: str
    tag: str
    digest: str


@dataclass
class Release:
    """What `/releases.json` of an environment says, newest first."""

    environment: str
    version: str
    commit: str
    live_since: str
    outcome: str


@dataclass
class Message:
    """What Slack, or GitHub's API, was sent."""

    at: float
    receiver: str
    text: str


@dataclass
class Drilled:
    """A drill that was run: which gate was to stop it, which did, and what is not as it must be."""

    name: str
    fault: str
    expected: str
    stopped: str = ""
    outcome: Outcome = "running"
    seconds: float = 0
    requests: int = 0
    lost: int = 0
    problems: list[str] = field(default_factory=list)
    log: str = ""  # what the step printed that stopped it


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
    peak_memory_mb: float = 0

    def __post_init__(self) -> None:
        self._zero = time.monotonic()

    def now(self) -> float:
        """Return the seconds since the rehearsal started."""
        return round(time.monotonic() - self._zero, 2)

    def write(self, path: Path) -> None:
        """Write it as JSON, whole or not at all."""
        scratch = path.with_suffix(".part")
        scratch.write_text(json.dumps(asdict(self), indent=1) + "\n")
        scratch.replace(path)
