"""The observation of a drill: which steps ran and failed, and the states before and after."""

from __future__ import annotations

from dataclasses import dataclass, field

from rehearsal.drills.gates import Gate
from rehearsal.drills.states import EnvironmentState
from rehearsal.timeline import Stage


@dataclass
class Observation:
    """The facts that the assertions check."""

    commit: str = ""  # of the drill's change
    baseline: str = ""  # the commit below the change
    also_pushed: set[str] = field(default_factory=set)  # commits of the drill's other changes
    failed: list[Gate] = field(default_factory=list)  # in the order in which they ended
    ran: list[Gate] = field(default_factory=list)
    reason: str = ""  # why the run failed, if no step did
    log: str = ""  # the output of the first failed step, or of a scenario
    printed: str = ""  # the output of all steps, with their annotations
    before: dict[str, EnvironmentState] = field(default_factory=dict)
    at_end: dict[str, EnvironmentState] = field(default_factory=dict)  # before the cleanup
    after: dict[str, EnvironmentState] = field(default_factory=dict)
    slack: list[str] = field(default_factory=list)
    requests: int = 0
    lost: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)  # found by the drill itself

    def add(self, stage: Stage) -> None:
        """Add the result of a run."""
        for job in stage.jobs:
            name = job.name.partition(" (")[0]
            for step in job.steps:
                if step.outcome != "skipped":
                    self.ran.append(Gate(stage.name, name, step.name))
        ended = [
            (step.finished or 0, Gate(stage.name, job.name.partition(" (")[0], step.name), step)
            for job in stage.jobs
            for step in job.steps
            if step.outcome == "failure" and job.outcome != "success"
        ]
        for _, gate, step in sorted(ended, key=lambda one: one[0]):
            if not self.failed:
                self.log = "\n".join(line.rstrip("\n") for line in step.log)
            self.failed.append(gate)
        if stage.load:
            self.requests += stage.load.requests
            self.lost += [f"{lost.path} at {lost.at} s: {lost.why}" for lost in stage.load.lost]
