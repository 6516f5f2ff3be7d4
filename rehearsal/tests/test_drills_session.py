"""A session of drills, and the repository that they change, without Docker."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rehearsal import local_aws, repository
from rehearsal.drills import assertions, faults
from rehearsal.drills import session as sessions
from rehearsal.drills import worktree as worktrees
from rehearsal.drills.context import DrillContext, Injection
from rehearsal.drills.drill import After, Drill
from rehearsal.drills.execution import new_context
from rehearsal.drills.observation import Observation
from rehearsal.drills.session import Session
from rehearsal.drills.workflows import WorkflowRunner
from rehearsal.drills.worktree import Worktree, migration
from rehearsal.errors import Failure
from rehearsal.github import Configuration
from rehearsal.repository import Change, git
from rehearsal.stages import Rehearsal
from rehearsal.timeline import Job, Step, Timeline
from rehearsal.view import View

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def rehearsal() -> Rehearsal:
    timeline = Timeline("2026-01-31T12:00:00", "abc", "v1.0.0")
    return Rehearsal(timeline, View(timeline), Configuration({"A": "1", "B": "2"}, {}))


BASELINE = Change("base", "head", "merge", "v1.0.0", dirty=False)


def ignore(job: Job, step: Step | None) -> None: ...


# One after the other


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, rehearsal: Rehearsal) -> Any:
    """Return a function that runs drills; a drill with a fault fails with that problem."""
    monkeypatch.setattr(sessions, "DRILLS", tmp_path / "drills.json")
    monkeypatch.setattr(sessions, "DRILLS_REPORT", tmp_path / "drills.html")
    monkeypatch.setattr(faults, "clear", lambda: None)
    monkeypatch.setattr(assertions, "problems", lambda drill, observation: observation.problems)

    def act(drill: Drill, context: DrillContext) -> Observation:
        if drill.fault == "breaks":
            raise Failure("no Docker")
        context.observation.problems += [drill.fault] * bool(drill.fault)
        return context.observation

    monkeypatch.setattr(sessions, "run_drill", act)

    def run(*drills: Drill, without_gate: bool = False) -> tuple[bool, list[dict[str, Any]]]:
        session = Session(rehearsal, BASELINE, without_gate=without_gate)
        good = session.run(drills)
        return good, json.loads((tmp_path / "drills.json").read_text())["drills"]

    return run


def test_all_that_go_as_they_must_are_good(play: Any) -> None:
    good, done = play(Drill("a", "", None), Drill("b", "", None))
    assert good
    assert [(one["name"], one["outcome"]) for one in done] == [("a", "success"), ("b", "success")]


def test_one_that_does_not_makes_all_fail_and_the_others_still_run(play: Any) -> None:
    good, done = play(Drill("a", "wrong", None), Drill("b", "", None))
    assert not good
    assert [one["outcome"] for one in done] == ["failure", "success"]
    assert done[0]["problems"] == ["wrong"]


def test_one_that_can_not_be_played_is_no_pass(play: Any) -> None:
    good, (done,) = play(Drill("a", "breaks", None))
    assert not good
    assert done["problems"] == ["the drill could not run: no Docker"]


@pytest.mark.parametrize("without_gate", [False, True])
def test_one_that_can_not_run_here_says_so_and_counts_as_nothing(
    play: Any, without_gate: bool
) -> None:
    drill = Drill("a", "wrong", None, unless=lambda: "no PyPI")
    good, (done,) = play(drill, without_gate=without_gate)
    assert good
    assert (done["outcome"], done["problems"]) == ("skipped", ["DID NOT RUN: no PyPI"])


def test_without_its_gate_a_drill_has_to_fail(play: Any) -> None:
    assert play(Drill("a", "wrong", None), without_gate=True)[0]
    assert not play(Drill("a", "", None), without_gate=True)[0]


# What GitHub has


def test_a_secret_can_be_missing(rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Rehearsal, "given", lambda self, environment: self.configuration)
    drill = Drill("a", "", None, secrets={"A": ""}, variables={"C": "3"}, runner={"D": "4"})
    runner = WorkflowRunner(drill, rehearsal, without_gate=False, show=ignore)
    found = runner.configuration("staging")
    assert found.secrets == {"B": "2"}
    assert found.variables["C"] == "3"
    assert found.environment["D"] == "4"


# The repository that a drill changes


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a commit on main, and one that is the baseline."""
    folder = tmp_path / "scratch"
    for module in (repository, worktrees):
        monkeypatch.setattr(module, "REPOSITORY", folder)
    folder.mkdir()
    git("init", "--quiet", "--initial-branch=main")
    for content in ("first", "second"):
        (folder / "file").write_text(content)
        git("add", "--all")
        git("commit", "--quiet", f"--message={content}")
        if content == "first":
            git("branch", "change")
            git("checkout", "--quiet", "change")
    return folder


@pytest.fixture
def context(scratch: Path, rehearsal: Rehearsal) -> DrillContext:
    baseline = git("rev-parse", "change")
    change = Change(git("rev-parse", "main"), baseline, baseline, "v1.0.0", dirty=False)
    return new_context(Drill("a", "", None, After()), rehearsal, change, False, ignore)


def test_a_change_is_a_commit_on_the_ground(context: DrillContext, scratch: Path) -> None:
    change = context.make(lambda worktree: worktree.write("new", "new"))
    assert change.base == context.baseline.merge
    assert git("rev-parse", f"{change.merge}~1") == context.baseline.merge
    assert git("show", f"{change.merge}:new") == "new"


def test_a_change_that_changes_nothing_is_a_commit_all_the_same(context: DrillContext) -> None:
    assert context.make(None).merge != context.baseline.merge


def test_afterwards_main_and_tags_are_what_they_were(context: DrillContext, scratch: Path) -> None:
    refs = git("show-ref", "--heads", "--tags")
    with context.cleanup.faults:
        context.keep_branches()
        repository.merge(context.make(lambda worktree: worktree.write("new", "new")))
        git("tag", "v9.9.9")
    assert git("show-ref", "--heads", "--tags") == refs
    assert not repository.has("refs/remotes/origin/main")
    assert sorted(path.name for path in scratch.iterdir()) == [".git", "file"]


def test_an_edit_that_finds_nothing_to_replace_is_refused(scratch: Path) -> None:
    with pytest.raises(Failure, match="file does not contain 'third'"):
        Worktree().replace("file", "third", "fourth")


def test_a_migration_comes_after_the_last_one(scratch: Path) -> None:
    folder = scratch / "apps/releases/migrations"
    folder.mkdir(parents=True)
    for name in ("0001_initial.py", "0002_more.py", "__init__.py"):
        (folder / name).write_text("")
    migration("0900_drill", "migrations.RunPython(act)", "def act(a, b): ...\n")(Worktree())
    text = (folder / "0900_drill.py").read_text()
    assert '("releases", "0002_more")' in text
    compile(text, "0900_drill.py", "exec")


@pytest.mark.parametrize(
    ("name", "valid"), [("v1.2.3", True), ("v1.2.3;$(x)", True), ("v1 2", False), ("v1..2", False)]
)
def test_git_is_asked_what_a_tag_may_be_called(name: str, valid: bool) -> None:
    assert repository.is_tag(name) is valid


# The command


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rehearsal", "drill", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def test_the_list_has_one_name_a_line() -> None:
    listed = command("--list").stdout.split("\n")
    assert "migration-fails" in listed and len(listed) > 30


@pytest.mark.parametrize(
    "inject", [faults.aws(service="ecs", error="X"), faults.vulnerable, lambda _: faults.clear()]
)
def test_a_local_aws_that_is_gone_fails_the_drill_in_one_line(
    context: DrillContext, monkeypatch: pytest.MonkeyPatch, inject: Injection
) -> None:
    monkeypatch.setattr(local_aws, "API", "http://127.0.0.1:1")
    with pytest.raises(Failure, match=r"/_rehearsal/f.*refused"):
        inject(context)
