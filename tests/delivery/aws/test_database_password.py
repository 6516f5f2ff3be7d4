"""scripts/rotate-secrets ENVIRONMENT database: no task is locked out at any moment."""

import itertools
import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from delivery.errors import Failure
from delivery.paths import INFRA
from tests.delivery.deploy.test_rollback import Site, site
from tests.delivery.fake_ecs import BASE, WORKER
from tests.delivery.fake_rds import FakeRds, Rotation
from tests.delivery.in_process import run_here
from tests.delivery.kill_switch import KillSwitch, run_killed

__all__ = ["site"]


@pytest.fixture
def rds(site: Site) -> FakeRds:
    site.ecs = FakeRds(KillSwitch())
    return site.ecs


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return Path(shutil.copy(INFRA / "parameters/staging.json", tmp_path))


def rotate_password(rds: FakeRds, path: Path) -> None:
    Rotation("staging", rds, path, yes=True, seconds=0).rotate()


def test_after_a_rotation_all_tasks_use_the_new_password_only(rds: FakeRds, path: Path) -> None:
    rotate_password(rds, path)
    assert rds.acts == ["keep", "check", "discard"]
    assert (rds.first, rds.second, rds.tasks) == ("password-2", "", {"password-2"})


def test_a_worker_gets_the_new_password_before_the_old_one_is_discarded(
    rds: FakeRds, path: Path
) -> None:
    rds.add_worker(f"{WORKER}:3")
    rotate_password(rds, path)
    moved = [options["--service"] for options in rds.moves()]
    assert moved == ["myapp-staging-service", "myapp-staging-worker"]
    assert (rds.calls[-1][0], rds.acts[-1]) == ("run-task", "discard")


def test_a_rotation_changes_only_the_number_in_the_file(rds: FakeRds, path: Path) -> None:
    before = json.loads(path.read_text())
    rotate_password(rds, path)
    before["parameters"]["DatabasePasswordNumber"] = "2"
    assert path.read_text() == f"{json.dumps(before, indent=2)}\n"


def test_a_rotation_that_is_killed_at_any_time_is_completed_by_the_next(
    site: Site, path: Path
) -> None:
    for end in itertools.count(1):
        site.ecs = rds = FakeRds(KillSwitch())
        shutil.copy(INFRA / "parameters/staging.json", path)
        was_killed = run_killed(rds.kill_switch, end, partial(rotate_password, rds, path))
        assert rds.second == ""
        assert rds.tasks == {rds.first} == {f"password-{rds.number}"}
        if not was_killed:
            break
    assert end > 20


def test_a_second_rotation_gives_a_third_password(rds: FakeRds, path: Path) -> None:
    rotate_password(rds, path)
    rotate_password(rds, path)
    assert (rds.first, rds.second) == ("password-3", "")


def test_the_old_password_stays_until_mysql_accepts_the_new_one(
    rds: FakeRds, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(number: int) -> None:
        rds.url, rds.number = f"password-{number}", number

    monkeypatch.setattr(rds, "cloudformation", slowly)
    with pytest.raises(Failure, match="database_password check ended with exit code 1"):
        rotate_password(rds, path)
    assert rds.tasks == {"password-1"}
    rds.first = "password-2"
    rotate_password(rds, path)
    assert rds.tasks == {"password-2"}


def test_no_call_to_aws_contains_a_password(rds: FakeRds, path: Path) -> None:
    rotate_password(rds, path)
    assert "password-" not in json.dumps(rds.calls)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"status": "UPDATE_IN_PROGRESS"}, "myapp-staging-data is UPDATE_IN_PROGRESS: wait"),
        ({"number": 3}, "DatabasePasswordNumber is 1, but the stack has 3: pull"),
        ({"service": {"status": "ACTIVE", "taskDefinition": BASE, "deployments": []}}, "nothing"),
    ],
)
def test_a_rotation_that_can_not_be_completed_is_refused(
    rds: FakeRds, path: Path, change: dict[str, Any], problem: str
) -> None:
    for name, value in change.items():
        setattr(rds, name, value)
    with pytest.raises(Failure, match=problem):
        rotate_password(rds, path)
    assert rds.acts == []


def test_the_answer_no_keeps_the_password(
    rds: FakeRds, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda question: "")
    with pytest.raises(Failure, match="staging keeps its password"):
        Rotation("staging", rds, path).rotate()
    assert rds.acts == []


def test_without_aws_a_rotation_fails_with_one_line() -> None:
    words = ("staging", "database", "--yes")
    done = run_here("scripts/rotate-secrets", *words, without=("AWS_",), PATH="/nonexistent")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("scripts/rotate-secrets: ")
