"""One drill under way: its change is made, its faults come at their time, and all is put back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rehearsal import local_aws, repository
from rehearsal.drills import seen as look
from rehearsal.drills.drill import MIGRATE, TEST, VERIFY, Drill, Edit, Play
from rehearsal.drills.seen import Seen
from rehearsal.drills.tree import Tree, without_step
from rehearsal.errors import Failure
from rehearsal.github import Run
from rehearsal.places import LOGS, REPOSITORY, url
from rehearsal.repository import Change, git
from rehearsal.stages import LOADED_FROM, Rehearsal
from rehearsal.timeline import Job, Stage, Step
from rehearsal.watch import Rollout

WORKFLOWS = REPOSITORY / ".github" / "workflows"
# Deploys call test.yml first. What it stops has drills of its own; here it would cost minutes each.
YES = """\
name: Test
on:
  workflow_call:
    inputs:
      scope: {description: not used, type: string}
    secrets:
      CODECOV_TOKEN: {description: not used, required: false}
jobs:
  test:
    name: a drill says yes
    runs-on: ubuntu-24.04
    steps:
      - run: echo "A drill of a deploy, so test.yml says yes. Its gates have drills of their own."
"""
# What does not come to rest within this is stuck: a slow machine takes a tenth of it.
SETTLE_SECONDS = 900


class DrillRun(Run):
    """A run that keeps its log apart from those of rehearsals."""

    name = ""

    def log(self) -> Path:
        return log_of(self.name)


def log_of(drill: str) -> Path:
    return LOGS / f"drill-{drill}.log"


@dataclass
class Scene:
    """What a drill's course has at hand."""

    drill: Drill
    rehearsal: Rehearsal
    ground: Change
    without_gate: bool = False
    show: Callable[[Job, Step | None], None] = lambda job, step: None
    seen: Seen = field(default_factory=Seen)
    undo: ExitStack = field(default_factory=ExitStack)  # of faults, as soon as the run is over
    clean: ExitStack = field(default_factory=ExitStack)  # of what is looked at first
    outages: ExitStack = field(default_factory=ExitStack)  # of servers, until the run is over
    faulty: bool = True  # whether faults still come as steps begin
    merged: Change = field(init=False)

    def play(self, course: Play) -> Seen:
        """Run the drill, look at what became of it, and put everything back."""
        log_of(self.drill.name).unlink(missing_ok=True)
        self.seen.before = look.environments(deep=True)
        self.seen.ground = self.ground.merge
        heard = len(self.rehearsal.timeline.messages)
        try:
            with self.undo, self.outages:
                if self.drill.staged:
                    self.stage()
                self.keep_branches()
                self.make(self.drill.change)
                if self.drill.given:
                    self.drill.given(self)
                course(self)
                self.seen.at_end = look.environments(deep=False)
            self.seen.slack = [
                message.text
                for message in self.rehearsal.timeline.messages[heard:]
                if message.receiver == "Slack"
            ]
            self.settle()
            self.seen.after = look.environments(deep=True)
        finally:
            with self.clean:
                self.return_environments()
        return self.seen

    def stage(self) -> None:
        """Let staging run the ground of all drills, once for all that want it."""
        ground = self.ground
        if self.seen.before["staging"].commit != ground.merge:
            repository.show(ground.merge, "change")
            local_aws.seed("staging", ground.version, ground.merge)
            self.seen.before = look.environments(deep=True)

    def on_main(self) -> None:
        """Let main be what the change is made on."""
        repository.show(self.ground.merge, "main")
        git("update-ref", "refs/remotes/origin/main", self.ground.merge)

    def end_faults(self) -> None:
        self.faulty = False
        self.outages.close()

    def problem(self, text: str) -> None:
        self.seen.problems.append(text)

    def keep_branches(self) -> None:
        """Make sure that main is afterwards what it was, as if a bad change were reverted."""
        refs = {
            name: git("rev-parse", name)
            for name in ("main", "refs/remotes/origin/main")
            if repository.has(name)
        }
        tags = set(git("tag", "--list").split())

        def back() -> None:
            repository.show(self.ground.head, "change")
            git("update-ref", "-d", "refs/remotes/origin/main")
            for name, commit in refs.items():
                git("update-ref", name if "/" in name else f"refs/heads/{name}", commit)
            for tag in set(git("tag", "--list").split()) - tags:
                git("tag", "--delete", tag)

        self.undo.callback(back)

    def make(self, edit: Edit | None) -> Change:
        """Commit a change on top of the ground, and return it as if it were merged."""
        repository.show(self.ground.merge, "change")
        tree = Tree()
        if edit:
            edit(tree)
        tree.commit(f"test: the drill {self.drill.name}")
        self.seen.commit = git("rev-parse", "HEAD")
        commit = self.seen.commit
        self.merged = replace(self.ground, base=self.ground.merge, head=commit, merge=commit)
        return self.merged

    def run(
        self,
        workflow: str,
        event: str,
        payload: Mapping[str, Any],
        *words: str,
        environment: str = "",
    ) -> Stage:
        """Run a workflow of the working tree, under load where it is a deploy."""
        self.prepare_workflows(workflow)
        stage = Stage(workflow, self.drill.fault, self.rehearsal.timeline.now())
        self.rehearsal.timeline.stages.append(stage)
        rollout = Rollout(self.rehearsal.timeline, stage, environment)

        def changed(job: Job, step: Step | None) -> None:
            if step and step.finished is None:
                if environment and step.name == LOADED_FROM:
                    rollout.start()
                if self.faulty and (injection := self.drill.when.get(step.name)):
                    injection(self)
            self.show(job, step)

        run = DrillRun(self.rehearsal.timeline, stage, changed)
        run.name = self.drill.name
        try:
            run.start(workflow, event, payload, self.configuration(environment), *words)
            stage.outcome = "success"
        except Failure as failure:
            stage.outcome, self.seen.reason = "failure", str(failure)
        finally:
            with suppress(Failure):  # the judge counts what was lost
                rollout.stop()
            stage.finished = self.rehearsal.timeline.now()
        self.seen.take(stage)
        self.seen.said = printed(log_of(self.drill.name))
        return stage

    def prepare_workflows(self, workflow: str) -> None:
        if workflow != TEST:
            (WORKFLOWS / TEST).write_text(YES)
        if self.without_gate and self.drill.gate and self.drill.gate.workflow == workflow:
            path = WORKFLOWS / workflow
            path.write_text(without_step(path.read_text(), self.drill.gate.step))

    def configuration(self, environment: str) -> Any:
        given = self.rehearsal.given(environment)
        secrets = {**given.secrets, **self.drill.secrets}
        return replace(
            given,
            secrets={name: value for name, value in secrets.items() if value},
            variables={**given.variables, **limits(self.drill), **self.drill.variables},
            environment={**given.environment, **self.drill.runner},
        )

    def settle(self) -> None:
        """Wait until both environments are at rest and ready; the judge says which is not."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline:
            found = look.environments(deep=False)
            if all(runs.settled and runs.ready for runs in found.values()):
                return
            time.sleep(0.5)

    def wait_until_staging_moves(self) -> None:
        """Wait until the service runs another revision than before the drill."""
        before = self.seen.before["staging"].revision
        deadline = time.monotonic() + SETTLE_SECONDS
        while look.environment("staging", deep=False).revision == before:
            if time.monotonic() > deadline:
                raise Failure(f"staging did not move within {SETTLE_SECONDS} s")
            time.sleep(0.5)

    def return_environments(self) -> None:
        """Return what runs something else to what it ran before, by the script for that."""
        for name, before in self.seen.before.items():
            if look.environment(name, deep=False).revision != before.revision:
                rollback(name, "--revision", before.revision)
        if self.drill.environment == "production":
            self.withdraw()
        self.settle()
        for name, before in self.seen.before.items():
            now = look.environment(name, deep=False)
            if not (now.ready and now.settled and now.commit == before.commit):
                self.seen.problems.append(f"{name} could not be returned to {before.commit[:12]}")

    def withdraw(self) -> None:
        """Take back what was released: the next drills release the same version again."""
        before = self.seen.before["production"].tags
        new = look.environment("production", deep=True).tags - before
        if new:
            local_aws.shell(
                *("aws", "ecr", "batch-delete-image", "--repository-name", "myapp-production"),
                *("--image-ids", *(f"imageTag={tag}" for tag in sorted(new))),
            )


def limits(drill: Drill) -> dict[str, str]:
    """Return a short limit for the step that must fail; all others keep the limits of a fork.

    A limit that a good step could miss on a slow machine would say nothing.
    """
    short = {MIGRATE: {"MIGRATE_SECONDS": "15"}, VERIFY: {"VERIFY_SECONDS": "6"}}
    return short.get(drill.gate, {}) if drill.gate else {}


def rollback(environment: str, *words: str) -> str:
    return local_aws.shell(
        "scripts/rollback", environment, *words, "--yes", APP_URL=url(environment)
    )


def printed(log: Path) -> str:
    """Return what the steps of a run printed."""
    lines = []
    for line in log.read_text().splitlines() if log.exists() else []:
        with suppress(ValueError):
            said = json.loads(line)
            if said.get("raw_output") or said.get("command"):
                lines.append(str(said.get("arg") or said.get("msg", "")).rstrip("\n"))
    return "\n".join(lines)
