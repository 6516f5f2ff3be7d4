"""Cleanup after a drill."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field


@dataclass
class Cleanup:
    """The cleanups that faults register, in the order in which they run."""

    outages: ExitStack = field(default_factory=ExitStack)  # of servers: when the run is over
    faults: ExitStack = field(default_factory=ExitStack)  # after that
    data: ExitStack = field(default_factory=ExitStack)  # after the state has been observed
