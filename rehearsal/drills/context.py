"""The context of a drill: what its faults and its scenario use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rehearsal import repository
from rehearsal.drills import restore
from rehearsal.drills.cleanup import Cleanup
from rehearsal.drills.observation import Observation
from rehearsal.drills.setup import Setup
from rehearsal.drills.workflows import WorkflowRunner
from rehearsal.drills.worktree import Edit, Worktree
from rehearsal.repository import Change, git
from rehearsal.timeline import Stage

# Injects a fault into an environment, and registers its cleanup.
Injection = Callable[["DrillContext"], None]
# Runs workflows and scripts in its own order.
Scenario = Callable[["DrillContext"], object]


@dataclass
class DrillContext:
    """The change of a drill, the runner of its workflows, its observation and its cleanup."""

    workflows: WorkflowRunner
    baseline: Change
    when: Mapping[str, Injection] = field(default_factory=dict)  # faults, by the name of a step
    observation: Observation = field(default_factory=Observation)
    cleanup: Cleanup = field(default_factory=Cleanup)
    faulty: bool = True  # whether faults are still injected as steps begin
    merged: Change = field(init=False)

    @property
    def setup(self) -> Setup:
        return self.workflows.setup

    def on_main(self) -> None:
        """Set main to the baseline of the change."""
        repository.show(self.baseline.merge, "main")
        git("update-ref", "refs/remotes/origin/main", self.baseline.merge)

    def end_faults(self) -> None:
        self.faulty = False
        self.cleanup.outages.close()

    def problem(self, text: str) -> None:
        self.observation.problems.append(text)

    def keep_branches(self) -> None:
        """Register a cleanup that resets main and the tags to their present commits."""
        refs = {
            name: git("rev-parse", name)
            for name in ("main", "refs/remotes/origin/main")
            if repository.has(name)
        }
        tags = set(git("tag", "--list").split())

        def reset() -> None:
            repository.show(self.baseline.head, "change")
            git("update-ref", "-d", "refs/remotes/origin/main")
            for name, commit in refs.items():
                git("update-ref", name if "/" in name else f"refs/heads/{name}", commit)
            for tag in set(git("tag", "--list").split()) - tags:
                git("tag", "--delete", tag)

        self.cleanup.faults.callback(reset)

    def make(self, edit: Edit | None) -> Change:
        """Commit a change on top of the baseline, and return it as a merged change."""
        repository.show(self.baseline.merge, "change")
        worktree = Worktree()
        if edit:
            edit(worktree)
        worktree.commit(f"test: the drill {self.setup.name}")
        self.observation.commit = git("rev-parse", "HEAD")
        commit = self.observation.commit
        self.merged = replace(self.baseline, base=self.baseline.merge, head=commit, merge=commit)
        return self.merged

    def run(
        self,
        workflow: str,
        event: str,
        payload: Mapping[str, Any],
        *words: str,
        environment: str = "",
    ) -> Stage:
        """Run a workflow of the worktree, and add its result to the observation."""
        result = self.workflows.run(
            workflow, event, payload, *words, environment=environment, on_step=self._inject
        )
        self.observation.add(result.stage)
        self.observation.reason = result.reason or self.observation.reason
        self.observation.printed = result.printed
        return result.stage

    def _inject(self, step: str) -> None:
        if self.faulty and (injection := self.when.get(step)):
            injection(self)

    def wait_until_staging_moves(self) -> None:
        """Wait until staging's service runs a different revision than before the drill."""
        restore.wait_until_staging_moves(self.observation.before["staging"])
