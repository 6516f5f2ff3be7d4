"""GitHub, simulated by act: its output becomes jobs and steps, and secrets stay in a file."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rehearsal import github, leftovers
from rehearsal.github import Configuration, Run, shown
from rehearsal.timeline import Stage, Timeline


@pytest.fixture
def run() -> Run:
    timeline = Timeline("2026-01-31T12:00:00", "abc", "v1.0.0")
    return Run(timeline, Stage("test.yml", "Pull request", 0))


def say(run: Run, *lines: dict[str, Any]) -> None:
    """Let act print lines of its job `Top/deploy`."""
    for line in lines:
        run.take(json.dumps({"job": "Top/deploy", "matrix": {}, "level": "info", **line}))


def step(name: str, **more: object) -> dict[str, Any]:
    return {"stage": "Main", "step": name, "stepID": [name], "msg": f"⭐ Run Main {name}", **more}


def test_a_steps_output_and_outcome_are_recorded(run: Run) -> None:
    say(run, step("Migrate"), step("Migrate", msg="one\n", raw_output=True))
    (job,) = run.stage.jobs
    assert (job.name, job.steps[0].log, job.steps[0].outcome) == ("deploy", ["one"], "running")
    say(run, step("Migrate", stepResult="failure"), {"jobResult": "failure"})
    assert (job.steps[0].outcome, job.outcome) == ("failure", "failure")
    assert job.steps[0].log == ["one"]


def test_a_passed_step_keeps_no_log(run: Run) -> None:
    say(run, step("Migrate", msg="one\n", raw_output=True), step("Migrate", stepResult="success"))
    assert run.stage.jobs[0].steps[0].log == []


def test_the_steps_of_an_action_belong_to_the_step_that_uses_it(run: Run) -> None:
    inner = {"stepID": ["Migrate", "0"]}
    say(run, step("Migrate"), step("Part", **inner))
    say(run, step("Part", msg="one\n", raw_output=True, **inner))
    say(run, step("Part", stepResult="success", **inner))
    (only,) = run.stage.jobs[0].steps
    assert (only.name, only.log, only.outcome) == ("Migrate", ["one"], "running")


def test_output_after_the_end_of_a_step_starts_no_step(run: Run) -> None:
    say(run, step("Migrate"), step("Migrate", stepResult="success", msg="✅"), step("Next"))
    say(run, step("Migrate", msg="late"), step("Other", msg="stray"))
    assert [one.name for one in run.stage.jobs[0].steps] == ["Migrate", "Next"]


def test_the_first_failed_step_is_the_reason(run: Run) -> None:
    say(run, step("Migrate", stepResult="failure"), step("Report"))
    say(run, step("Report", stepResult="failure"), {"jobResult": "failure"})
    assert run.reason() == "test.yml: deploy: Migrate failed"


def test_a_step_that_may_fail_is_not_the_reason(run: Run) -> None:
    say(run, step("Notify Slack", stepResult="failure"), {"jobResult": "success"})
    run.take("Error: no such image")
    assert run.reason() == "test.yml: act: Error: no such image"


def test_an_annotation_is_part_of_the_log(run: Run) -> None:
    say(run, step("Migrate"))
    say(run, step("Migrate", level="error", command="error", arg="too slow", msg="❗ ::error::"))
    assert run.stage.jobs[0].steps[0].log == ["too slow"]


@pytest.mark.parametrize(
    ("said", "matrix", "name"),
    [
        ("Deploy to Staging/deploy", False, "deploy"),
        ("test/Test/lint             ", False, "test / lint"),
        ("Test/test (MySQL 8.0)-1", True, "test (MySQL 8.0)"),
        ("test/c.yml/test (MySQL 8.4)-2", True, "test / test (MySQL 8.4)"),
    ],
)
def test_a_job_has_the_name_that_github_shows(said: str, matrix: bool, name: str) -> None:
    assert shown(said, matrix) == name


def test_no_secret_is_on_the_command_line(tmp_path: Path) -> None:
    configuration = Configuration({"TOKEN": "hush"}, {"APP_URL": "http://example.com"})
    command = github.act_command(tmp_path, "test.yml", "push", {}, configuration)
    assert "hush" not in " ".join(command)
    assert "TOKEN=hush\n" in (tmp_path / "secrets").read_text()


def test_act_gets_no_settings_or_credentials_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(github, "OUT", tmp_path)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    given = github.environment()
    assert "AWS_SECRET_ACCESS_KEY" not in given
    assert given["HOME"] == given["XDG_CONFIG_HOME"] == str(tmp_path / "home")


@pytest.mark.parametrize("stubborn", [False, True])
def test_stopping_kills_an_act_that_ignores_sigterm(
    monkeypatch: pytest.MonkeyPatch, stubborn: bool
) -> None:
    monkeypatch.setattr(github, "PATIENCE", 0.2 if stubborn else 60)
    removed: list[bool] = []
    monkeypatch.setattr(leftovers, "remove", lambda: removed.append(True))
    program = "import signal, time; "
    if stubborn:
        program += "signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    program += "print('up', flush=True); time.sleep(600)"
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout
    process.stdout.readline()
    github.stop(process)
    process.stdout.close()
    assert process.returncode == (-signal.SIGKILL if stubborn else -signal.SIGTERM)
    assert removed
