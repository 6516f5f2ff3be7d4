"""The stages: what stops a rehearsal, and what requires a person's approval."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from rehearsal import __main__ as cli
from rehearsal import docker, local_aws, machine, ports, repository, stages, watch
from rehearsal.errors import INTERRUPTED, Failure
from rehearsal.github import Configuration, Run
from rehearsal.images import builder
from rehearsal.quiz import command as quiz
from rehearsal.repository import Change
from rehearsal.stages import Rehearsal
from rehearsal.timeline import Load, Lost, Stage, Timeline
from rehearsal.view import View

CHANGE = Change("a" * 40, "b" * 40, "c" * 40, "v1.0.0", dirty=False)


@pytest.fixture
def rehearsal() -> Iterator[Rehearsal]:
    timeline = Timeline("2026-01-31T12:00:00+00:00", "abc", "v1.0.0")
    console = Console(file=io.StringIO(), width=100)
    with View(timeline, console) as view:
        yield Rehearsal(timeline, view, Configuration({}, {}))


def printed(rehearsal: Rehearsal) -> str:
    assert isinstance(rehearsal.view.console.file, io.StringIO)
    return rehearsal.view.console.file.getvalue()


def test_production_is_not_approved_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(Failure, match="production needs an approval"):
        stages.approve(CHANGE, yes=False)


@pytest.mark.parametrize(("answer", "approved"), [("y", True), ("yes", True), ("", False)])
def test_only_yes_approves_production(
    monkeypatch: pytest.MonkeyPatch, answer: str, approved: bool
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda question: answer)
    if approved:
        stages.approve(CHANGE, yes=False)
    else:
        with pytest.raises(Failure, match=r"v1\.0\.0 was not approved"):
            stages.approve(CHANGE, yes=False)


def ended_by(error: type[BaseException]) -> Callable[..., Any]:
    def end(*words: object) -> None:
        raise error

    return end


def test_the_end_of_the_input_does_not_approve_production(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Failure, match=r"v1\.0\.0 was not approved"):
        stages.approve(CHANGE, yes=False, ask=ended_by(EOFError))


@pytest.mark.parametrize("key", [KeyboardInterrupt, EOFError])
def test_every_interrupted_command_prints_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], key: type[BaseException]
) -> None:
    monkeypatch.setattr(sys, "argv", ["rehearsal", "quiz"])
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(machine, "alone", nullcontext)
    monkeypatch.setattr(quiz, "main", ended_by(key))
    assert cli.main() == INTERRUPTED
    assert capsys.readouterr().err == "rehearsal: interrupted\n"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The calls to a local AWS whose environments have no version yet."""
    asked: list[str] = []
    monkeypatch.setattr(local_aws, "is_serving", lambda environment: False)
    monkeypatch.setattr(repository, "git", lambda *words: "abc")
    monkeypatch.setattr(local_aws, "push_image", lambda *words: asked.append("push"))
    return asked


def first_deploys(rehearsal: Rehearsal) -> None:
    with (
        rehearsal.stage("prepare", "Prepare") as stage,
        rehearsal.job(stage, "AWS") as begin,
    ):
        rehearsal.first_deploys("v1.0.0", begin)


def test_the_first_image_is_built_while_the_environments_are_created(
    monkeypatch: pytest.MonkeyPatch, rehearsal: Rehearsal, aws: list[str]
) -> None:
    building, made = threading.Event(), threading.Event()

    def build(version: str, commit: str) -> None:
        building.set()
        assert made.wait(20)
        aws.append("built")

    def make(begin: object) -> None:
        assert building.wait(20)
        made.set()

    monkeypatch.setattr(local_aws, "build_image", build)
    monkeypatch.setattr(rehearsal, "make_environments", make)
    monkeypatch.setattr(local_aws, "seed", lambda *words: None)
    first_deploys(rehearsal)
    assert aws == ["built", "push"]


def test_both_environments_get_their_first_deploy_in_parallel(
    monkeypatch: pytest.MonkeyPatch, rehearsal: Rehearsal, aws: list[str]
) -> None:
    both = threading.Barrier(2)
    monkeypatch.setattr(local_aws, "build_image", lambda *words: None)
    monkeypatch.setattr(rehearsal, "make_environments", lambda begin: None)
    monkeypatch.setattr(local_aws, "seed", lambda *words: both.wait(20))
    first_deploys(rehearsal)
    assert aws == ["push"]


def test_a_first_deploy_that_fails_stops_the_rehearsal(
    monkeypatch: pytest.MonkeyPatch, rehearsal: Rehearsal, aws: list[str]
) -> None:
    def seed(environment: str, version: str, commit: str) -> None:
        if environment == "production":
            raise Failure("production: no")

    monkeypatch.setattr(local_aws, "build_image", lambda *words: None)
    monkeypatch.setattr(rehearsal, "make_environments", lambda begin: None)
    monkeypatch.setattr(local_aws, "seed", seed)
    with pytest.raises(Failure, match="production: no"):
        first_deploys(rehearsal)


def test_a_running_environment_gets_no_first_deploy(
    monkeypatch: pytest.MonkeyPatch, rehearsal: Rehearsal, aws: list[str]
) -> None:
    monkeypatch.setattr(local_aws, "is_serving", lambda environment: True)
    monkeypatch.setattr(rehearsal, "make_environments", lambda begin: None)
    first_deploys(rehearsal)
    assert aws == []


def test_a_lost_request_fails_a_passed_deploy(
    monkeypatch: pytest.MonkeyPatch, rehearsal: Rehearsal
) -> None:
    class OneLost(watch.LoadedRollout):
        def stop(self) -> None:
            self.stage.load = Load("http://x", 60, 100, lost=[Lost(1, "/health/", "status 502")])
            self.generator = None
            raise Failure("1 of 100 requests were lost")

    monkeypatch.setattr(stages, "LoadedRollout", OneLost)
    monkeypatch.setattr(Run, "start", lambda *words: None)
    monkeypatch.setattr(builder, "tool_cache", lambda folder: "")
    failure = pytest.raises(Failure, match="requests were lost")
    with failure, rehearsal.stage("deploy-staging.yml", "Merge to main") as stage:
        rehearsal.deploy(stage, "staging", {})
    assert stage.outcome == "failure"


def test_an_environment_without_a_version_gets_no_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_aws, "is_serving", lambda environment: False)
    timeline = Timeline("2026-01-31T12:00:00+00:00", "abc", "v1.0.0")
    rollout = watch.LoadedRollout(timeline, Stage("x", "x", 0), "staging")
    rollout.start()
    rollout.stop()
    assert rollout.stage.load is None


def test_a_failed_step_of_the_rehearsals_own_job_is_shown(rehearsal: Rehearsal) -> None:
    stage = Stage("prepare", "Prepare", 0)
    with pytest.raises(Failure), rehearsal.job(stage, "AWS") as begin:
        begin("start")
        begin("first deploy")
        raise Failure("no")
    assert [step.outcome for step in stage.jobs[0].steps] == ["success", "failure"]
    assert "✗ AWS · first deploy" in printed(rehearsal)


def test_the_summary_lists_stages_jobs_and_lost_requests(rehearsal: Rehearsal) -> None:
    with rehearsal.stage("deploy-prod.yml", "Tag v1.0.0") as stage:
        stage.load = Load("http://x", 60, requests=1234)
        with rehearsal.job(stage, "deploy"):
            pass
    rehearsal.view.table()
    said = printed(rehearsal)
    assert "✓ Tag v1.0.0: deploy-prod.yml" in said
    assert "1234     0" in said
    assert "✓ deploy" in said


def test_production_needs_a_deploy_to_staging_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "CHANGE", tmp_path / "change.json")
    with pytest.raises(Failure, match="python -m rehearsal staging"):
        cli.staged()


def test_a_failure_prints_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(machine, "OUT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["rehearsal", "up"])
    monkeypatch.setattr(signal, "signal", lambda *words: None)

    def refuse(stage: str, yes: bool) -> int:
        raise Failure("port 80 is taken")

    monkeypatch.setattr(cli, "rehearse", refuse)
    assert cli.main() == 1
    assert capsys.readouterr().err == "rehearsal: port 80 is taken\n"


def test_an_unknown_command_prints_the_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["rehearsal", "deploy"])
    with pytest.raises(SystemExit, match="2"):
        cli.main()


def test_run_keeps_the_arguments_and_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "docker"
    program.write_text(
        f'#!/bin/sh\n[ $1 = ps ] && echo running && exit\necho "$@" > {tmp_path}/said; exit 3\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(signal, "signal", lambda *words: None)
    monkeypatch.setattr(sys, "argv", ["x", "run", "scripts/rollback", "staging", "--yes"])
    assert cli.main() == 3
    said = (tmp_path / "said").read_text()
    assert said.startswith("exec ") and said.endswith(
        "rehearsal-shell scripts/rollback staging --yes\n"
    )


def test_run_needs_a_running_rehearsal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(docker, "is_running", lambda name: False)
    monkeypatch.setattr(signal, "signal", lambda *words: None)
    monkeypatch.setattr(sys, "argv", ["x", "run", "aws", "--version"])
    assert cli.main() == 1
    assert capsys.readouterr().err == (
        "rehearsal: no rehearsal is running: start one with .venv/bin/python -m rehearsal up\n"
    )


def test_each_environment_has_its_own_deploy_keys(rehearsal: Rehearsal) -> None:
    rehearsal.keys = {name: {"AWS_ACCESS_KEY_ID": name} for name in ("staging", "production")}
    secrets = rehearsal.given("staging").secrets
    assert secrets["AWS_ACCESS_KEY_ID"] == "staging"
    assert secrets["AWS_ACCESS_KEY_ID_PROD"] == "production"


def test_existing_environments_keep_their_deploy_keys(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, rehearsal: Rehearsal
) -> None:
    monkeypatch.setattr(stages, "MADE", tmp_path / "made.json")
    monkeypatch.setattr(stages, "fingerprint", lambda: "infra")
    monkeypatch.setattr(docker, "docker", lambda *words: "aws")
    monkeypatch.setattr(local_aws, "make", lambda name: {"APP_URL": name})
    numbers = iter("1234")
    monkeypatch.setattr(local_aws, "deploy_keys", lambda name: {"key": next(numbers)})
    begun: list[str] = []
    rehearsal.make_environments(begun.append)
    keys, rehearsal.keys = rehearsal.keys, {}
    rehearsal.make_environments(begun.append)
    assert (rehearsal.keys, len(begun)) == (keys, 1)


def test_ports_of_the_tests_that_moved_are_a_variable(
    monkeypatch: pytest.MonkeyPatch, rehearsal: Rehearsal
) -> None:
    monkeypatch.setattr(builder, "tool_cache", lambda folder: "")
    assert "TEST_PORT_PREFIX" not in rehearsal.given().variables
    monkeypatch.setattr(ports, "tests_prefix", lambda: "1")
    assert rehearsal.given().variables["TEST_PORT_PREFIX"] == "1"
