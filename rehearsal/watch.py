"""Observe a rollout: the answers to requests, and the tasks."""

from __future__ import annotations

import threading
from contextlib import suppress

from rehearsal import local_aws
from rehearsal.errors import Failure
from rehearsal.load import Generator
from rehearsal.timeline import Stage, Tasks, Timeline

RATE = 60  # requests per second; a rollout must withstand 50
PAUSE = 0.5  # seconds between two samples of the tasks


class LoadedRollout:
    """Sends load to an environment and records its tasks, from start to stop."""

    def __init__(self, timeline: Timeline, stage: Stage, environment: str) -> None:
        self.timeline, self.stage, self.environment = timeline, stage, environment
        self.generator: Generator | None = None
        self.stopped = threading.Event()
        self.sampler = threading.Thread(target=self.sample, daemon=True)

    def start(self) -> None:
        """Start, unless the environment has no version yet, and so cannot lose requests."""
        if self.generator or not local_aws.is_serving(self.environment):
            return
        self.generator = Generator(self.environment, RATE, self.timeline.now)
        self.stage.load = self.generator.load
        self.generator.start()
        self.sampler.start()

    def stop(self) -> None:
        """Stop; raise Failure if a request was lost."""
        if not self.generator or self.stopped.is_set():
            return
        self.stopped.set()
        load = self.stage.load = self.generator.stop()
        self.sampler.join()
        if load.lost:
            first = load.lost[0]
            raise Failure(
                f"{len(load.lost)} of {load.requests} requests were lost during the deploy to"
                f" {self.environment}; the first was {first.path} at {first.at:.1f} s: {first.why}"
                f"{self.timeline.pressure_at(first.at)}"
            )

    def status(self) -> Tasks | None:
        return self.stage.rollout[-1] if self.stage.rollout else None

    def sample(self) -> None:
        while not self.stopped.wait(PAUSE):
            with suppress(Failure, KeyError):
                self.stage.rollout.append(local_aws.tasks(self.environment, self.timeline.now()))
