"""A session of drills, and the repository that they change, without Docker."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rehearsal import ports, repository
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
from rehearsal.ports import Ports
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


# The outcome of a session


@pytest.fixture
def run_drills(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, rehearsal: Rehearsal) -> Any:
    """Return a function that runs drills; a drill with a fault fails with that problem."""
    monkeypatch.setattr(sessions, "DRILLS", tmp_path / "drills.json")
    monkeypatch.setattr(sessions, "DRILLS_REPORT", tmp_path / "drills.html")
    monkeypatch.setattr(faults, "clear", lambda: None)
    monkeypatch.setattr(assertions, "problems", lambda drill, observation: observation.problems)

    def run_drill(drill: Drill, context: DrillContext) -> Observation:
        if drill.fault == "breaks":
            raise Failure("no Docker")
        context.observation.problems += [drill.fault] * bool(drill.fault)
        return context.observation

    monkeypatch.setattr(sessions, "run_drill", run_drill)

    def run(*drills: Drill, without_gate: bool = False) -> tuple[bool, list[dict[str, Any]]]:
        session = Session(rehearsal, BASELINE, without_gate=without_gate)
        good = session.run(drills)
        return good, json.loads((tmp_path / "drills.json").read_text())["drills"]

    return run


def test_a_session_passes_if_all_drills_pass(run_drills: Any) -> None:
    good, done = run_drills(Drill("a", "", None), Drill("b", "", None))
    assert good
    assert [(one["name"], one["outcome"]) for one in done] == [("a", "success"), ("b", "success")]


def test_a_failed_drill_fails_the_session_but_the_others_still_run(run_drills: Any) -> None:
    good, done = run_drills(Drill("a", "wrong", None), Drill("b", "", None))
    assert not good
    assert [one["outcome"] for one in done] == ["failure", "success"]
    assert done[0]["problems"] == ["wrong"]


def test_a_drill_that_raises_a_failure_fails(run_drills: Any) -> None:
    good, (done,) = run_drills(Drill("a", "breaks", None))
    assert not good
    assert done["problems"] == ["the drill could not run: no Docker"]


@pytest.mark.parametrize("without_gate", [False, True])
def test_a_drill_that_cannot_run_here_is_skipped_with_a_reason(
    run_drills: Any, without_gate: bool
) -> None:
    drill = Drill("a", "wrong", None, unless=lambda: "no PyPI")
    good, (done,) = run_drills(drill, without_gate=without_gate)
    assert good
    assert (done["outcome"], done["problems"]) == ("skipped", ["DID NOT RUN: no PyPI"])


def test_a_drill_must_fail_without_its_gate(run_drills: Any) -> None:
    assert run_drills(Drill("a", "wrong", None), without_gate=True)[0]
    assert not run_drills(Drill("a", "", None), without_gate=True)[0]


# The values in GitHub


def test_a_drill_can_remove_a_secret(rehearsal: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Rehearsal, "given", lambda self, environment: self.configuration)
    drill = Drill("a", "", None, secrets={"A": ""}, variables={"C": "3"}, runner={"D": "4"})
    runner = WorkflowRunner(drill, rehearsal, without_gate=False, show=ignore)
    found = runner.configuration("staging")
    assert found.secrets == {"B": "2"}
    assert found.variables["C"] == "3"
    assert found.environment["D"] == "4"


# The repository that a drill changes


@pytest.fixture
def git_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a commit on main, and one that is the baseline."""
    folder = tmp_path / "git_repository"
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
def context(git_repository: Path, rehearsal: Rehearsal) -> DrillContext:
    baseline = git("rev-parse", "change")
    change = Change(git("rev-parse", "main"), baseline, baseline, "v1.0.0", dirty=False)
    return new_context(Drill("a", "", None, After()), rehearsal, change, False, ignore)


def test_a_change_is_a_commit_on_the_baseline(context: DrillContext, git_repository: Path) -> None:
    change = context.make(lambda worktree: worktree.write("new", "new"))
    assert change.base == context.baseline.merge
    assert git("rev-parse", f"{change.merge}~1") == context.baseline.merge
    assert git("show", f"{change.merge}:new") == "new"


def test_an_empty_change_is_a_commit(context: DrillContext) -> None:
    assert context.make(None).merge != context.baseline.merge


def test_the_cleanup_restores_main_and_tags(context: DrillContext, git_repository: Path) -> None:
    refs = git("show-ref", "--heads", "--tags")
    with context.cleanup.faults:
        context.keep_branches()
        repository.merge(context.make(lambda worktree: worktree.write("new", "new")))
        git("tag", "v9.9.9")
    assert git("show-ref", "--heads", "--tags") == refs
    assert not repository.has("refs/remotes/origin/main")
    assert sorted(path.name for path in git_repository.iterdir()) == [".git", "file"]


def test_a_replacement_of_a_missing_text_is_refused(git_repository: Path) -> None:
    with pytest.raises(Failure, match="file does not contain 'third'"):
        Worktree().replace("file", "third", "fourth")


def test_a_migration_comes_after_the_last_one(git_repository: Path) -> None:
    folder = git_repository / "apps/releases/migrations"
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
def test_git_decides_whether_a_tag_name_is_valid(name: str, valid: bool) -> None:
    assert repository.is_tag(name) is valid


# The command


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rehearsal", "drill", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def test_the_list_has_one_name_per_line() -> None:
    listed = command("--list").stdout.split("\n")
    assert "migration-fails" in listed and len(listed) > 30


@pytest.mark.parametrize(
    "inject", [faults.aws(service="ecs", error="X"), faults.vulnerable, lambda _: faults.clear()]
)
def test_a_stopped_local_aws_fails_the_drill_with_one_line(
    context: DrillContext, monkeypatch: pytest.MonkeyPatch, inject: Injection
) -> None:
    monkeypatch.setattr(ports, "current", lambda: Ports(api=1))
    with pytest.raises(Failure, match=r"/_rehearsal/f.*refused"):
        inject(context)
