"""Run the workflows of a drill, under load where one deploys."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rehearsal.drills.gates import TEST
from rehearsal.drills.setup import Setup
from rehearsal.drills.worktree import without_step
from rehearsal.errors import Failure
from rehearsal.github import Configuration, Run
from rehearsal.paths import LOGS, REPOSITORY
from rehearsal.stages import LOADED_FROM, Rehearsal
from rehearsal.timeline import Job, Stage, Step
from rehearsal.watch import LoadedRollout

WORKFLOWS = REPOSITORY / ".github" / "workflows"
# A deploy calls test.yml first, which takes minutes. The gates of test.yml have their own drills.
PASSING_TEST = """\
name: Test
on:
  workflow_call:
    inputs:
      scope: {description: not used, type: string}
    secrets:
      CODECOV_TOKEN: {description: not used, required: false}
jobs:
  test:
    name: always passes in a drill
    runs-on: ubuntu-24.04
    steps:
      - run: echo "This drill tests a deploy, so test.yml passes. Its gates have their own drills."
"""


class DrillRun(Run):
    """A workflow run that has its own log file."""

    name = ""

    def log(self) -> Path:
        return log_of(self.name)


def log_of(drill: str) -> Path:
    return LOGS / f"drill-{drill}.log"


@dataclass(frozen=True)
class WorkflowResult:
    stage: Stage
    reason: str  # why the run failed, if no step says so
    printed: str  # the output of all steps, with their annotations


@dataclass(frozen=True)
class WorkflowRunner:
    """Runs workflows of the worktree with the values of a drill."""

    setup: Setup
    rehearsal: Rehearsal
    without_gate: bool
    show: Callable[[Job, Step | None], None]

    def run(
        self,
        workflow: str,
        event: str,
        payload: Mapping[str, Any],
        *words: str,
        environment: str,
        on_step: Callable[[str], None],
    ) -> WorkflowResult:
        """Run a workflow, and call `on_step` with the name of each step that begins."""
        self.prepare(workflow)
        timeline, reason = self.rehearsal.timeline, ""
        stage = Stage(workflow, self.setup.fault, timeline.now())
        timeline.stages.append(stage)
        rollout = LoadedRollout(timeline, stage, environment)

        def changed(job: Job, step: Step | None) -> None:
            if step and step.finished is None:
                if environment and step.name == LOADED_FROM:
                    rollout.start()
                on_step(step.name)
            self.show(job, step)

        run = DrillRun(timeline, stage, changed)
        run.name = self.setup.name
        try:
            run.start(workflow, event, payload, self.configuration(environment), *words)
            stage.outcome = "success"
        except Failure as failure:
            stage.outcome, reason = "failure", str(failure)
        finally:
            with suppress(Failure):  # the assertions count lost requests
                rollout.stop()
            stage.finished = timeline.now()
        return WorkflowResult(stage, reason, printed(log_of(self.setup.name)))

    def prepare(self, workflow: str) -> None:
        """Write the drill's workflow: with a test.yml that passes, and perhaps without the gate."""
        if workflow != TEST:
            (WORKFLOWS / TEST).write_text(PASSING_TEST)
        gate = self.setup.gate
        if self.without_gate and gate and gate.workflow == workflow:
            path = WORKFLOWS / workflow
            path.write_text(without_step(path.read_text(), gate.step))

    def configuration(self, environment: str) -> Configuration:
        """Return the values of GitHub and of the runner for a job of an environment."""
        given = self.rehearsal.given(self.setup.variables_of or environment)
        secrets = {**given.secrets, **self.setup.secrets}
        return replace(
            given,
            secrets={name: value for name, value in secrets.items() if value},
            variables={**given.variables, **self.setup.limits(), **self.setup.variables},
            environment={**given.environment, **self.setup.runner},
        )


def printed(log: Path) -> str:
    """Return the output of the steps of a run."""
    lines = []
    for line in log.read_text().splitlines() if log.exists() else []:
        with suppress(ValueError):
            said = json.loads(line)
            if said.get("raw_output") or said.get("command"):
                lines.append(str(said.get("arg") or said.get("msg", "")).rstrip("\n"))
    return "\n".join(lines)
