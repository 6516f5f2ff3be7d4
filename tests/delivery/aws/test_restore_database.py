"""scripts/restore-database: the service gets the data of a moment, and no data is lost."""

import argparse
import itertools
import json
import os
import sys
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest

from delivery.aws.client import STDIN, Aws
from delivery.aws.restore_database import Restoration, moment
from delivery.errors import Failure
from tests.delivery.deploy.test_rollback import Site, site
from tests.delivery.fake_backups import NOW, SETTINGS, USED, FakeBackups
from tests.delivery.fake_ecs import BASE
from tests.delivery.in_process import run_here
from tests.delivery.kill_switch import KillSwitch, run_killed

__all__ = ["site"]
AT = "2026-01-31T10:04:00Z"
RESTORED, REPLACED = f"{USED}-restored-20260131t100400z", f"{USED}-replaced-20260131t100400z"


@pytest.fixture
def rds(site: Site) -> FakeBackups:
    site.ecs = rds = FakeBackups(KillSwitch())
    return rds


def restoration(rds: FakeBackups, at: str = AT, *, yes: bool = True) -> Restoration:
    return Restoration("staging", rds, moment(at), yes, seconds=60)


def restore(rds: FakeBackups) -> None:
    restoration(rds).restore()


def go_back(rds: FakeBackups) -> None:
    restoration(rds).back()


def test_the_service_gets_the_data_of_that_moment(rds: FakeBackups) -> None:
    restore(rds)
    assert rds.tasks == rds.data_of(USED) == AT
    assert rds.instances.keys() == {USED, REPLACED}
    assert rds.data_of(REPLACED) == NOW


def test_rows_are_compared_before_and_after_the_move(rds: FakeBackups) -> None:
    restore(rds)
    assert rds.compared == [AT, NOW]


def test_the_restored_database_names_the_version_that_runs(rds: FakeBackups) -> None:
    restore(rds)
    assert rds.recorded == AT


def test_the_new_instance_has_all_settings_of_the_old_one(rds: FakeBackups) -> None:
    restore(rds)
    assert {name: rds.instances[USED].get(name) for name in SETTINGS} == SETTINGS
    assert rds.instances[USED]["TagList"] == [{"Key": "project", "Value": "myapp"}]


def test_errors_of_the_time_without_a_database_undo_nothing(rds: FakeBackups) -> None:
    restore(rds)
    assert rds.alarms_on() == [False]


def test_a_restoration_that_was_killed_at_any_moment_is_finished_by_the_next(site: Site) -> None:
    for end in itertools.count(1):
        site.ecs = rds = FakeBackups(KillSwitch())
        was_killed = run_killed(rds.kill_switch, end, partial(restore, rds))
        assert (rds.tasks, rds.data_of(USED), rds.data_of(REPLACED)) == (AT, AT, NOW)
        assert rds.recorded == AT
        assert len(rds.instances) == 2
        if not was_killed:
            break
    assert end > 40


def test_the_service_goes_back_to_the_instance_from_before(rds: FakeBackups) -> None:
    restore(rds)
    go_back(rds)
    assert rds.tasks == rds.data_of(USED) == NOW
    assert rds.data_of(RESTORED) == AT
    assert rds.compared == [AT, NOW, AT]


def test_a_way_back_that_was_killed_at_any_moment_is_finished_by_the_next(site: Site) -> None:
    for end in itertools.count(1):
        site.ecs = rds = FakeBackups(KillSwitch())
        restore(rds)
        was_killed = run_killed(rds.kill_switch, end, partial(go_back, rds))
        assert (rds.tasks, rds.data_of(USED), rds.data_of(RESTORED)) == (NOW, NOW, AT)
        if not was_killed:
            break
    assert end > 30


def test_there_is_no_way_back_without_a_restoration(rds: FakeBackups) -> None:
    with pytest.raises(Failure, match="nothing to go back"):
        go_back(rds)
    assert rds.calls == []


@pytest.mark.parametrize(
    ("at", "problem"),
    [
        ("2026-01-29T23:59:59Z", r"can be restored to 2026-01-30T00:00:00\+00:00 and later"),
        ("2026-01-31T12:00:01Z", r"can be restored until 2026-01-31T12:00:00.123000\+00:00 so far"),
        ("2999-01-31T12:00:01Z", "2999-01-31T12:00:01.00:00 is in the future"),
    ],
)
def test_a_moment_without_a_backup_is_refused(rds: FakeBackups, at: str, problem: str) -> None:
    with pytest.raises(Failure, match=problem):
        restoration(rds, at).restore()
    assert rds.calls == []


def test_an_instance_without_any_backup_is_refused(rds: FakeBackups) -> None:
    rds.window = {}
    with pytest.raises(Failure, match="has no backup yet"):
        restore(rds)


def test_nothing_is_restored_before_the_first_deploy(rds: FakeBackups) -> None:
    rds.service["taskDefinition"] = BASE
    with pytest.raises(Failure, match="nothing was deployed to staging yet"):
        restore(rds)
    assert rds.calls == []


def test_no_leaves_the_service_on_its_database(
    rds: FakeBackups, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("builtins.input", lambda question: "")
    with pytest.raises(Failure, match="staging keeps its database"):
        restoration(rds, yes=False).restore()
    assert rds.data_of(USED) == NOW
    assert rds.moves() == []
    assert f"delete-db-instance --db-instance-identifier {RESTORED}" in capsys.readouterr().out


def test_an_instance_that_rds_can_not_make_is_reported(rds: FakeBackups) -> None:
    rds.made_status = "incompatible-restore"
    with pytest.raises(Failure, match=f"{RESTORED} is incompatible-restore: see its events"):
        restore(rds)


def test_what_takes_too_long_can_be_resumed(rds: FakeBackups) -> None:
    with pytest.raises(Failure, match="not done after 0 s"):
        Restoration("staging", rds, moment(AT), yes=True, seconds=0).restore()
    restore(rds)
    assert rds.tasks == AT


def test_a_service_that_is_not_ready_is_told_what_it_uses(site: Site, rds: FakeBackups) -> None:
    site.status = "failed"
    with pytest.raises(Failure, match=f"{USED} is what was {RESTORED}, but .* not ready"):
        Restoration("staging", rds, moment(AT), yes=True, seconds=0.3).restore()


def test_a_time_of_another_zone_is_that_of_utc() -> None:
    assert moment("2026-01-31T12:04:00.5+02:00") == datetime.fromisoformat(AT)


@pytest.mark.parametrize(
    ("text", "problem"),
    [("2026-01-31T10:04", "has no zone"), ("yesterday", "is no time"), ("", "is no time")],
)
def test_a_time_that_could_be_another_is_refused(text: str, problem: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=problem):
        moment(text)


def test_a_secret_is_in_no_list_of_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli = tmp_path / "aws"
    cli.write_text(
        f"#!{sys.executable}\n"
        "import json, sys\n"
        "given = open(sys.argv.pop().removeprefix('file://')).read()\n"
        "print(json.dumps({'words': sys.argv, 'given': given}))\n"
    )
    cli.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    words = ("rds", "modify-db-instance", "--master-user-password", STDIN)
    answer = Aws("us-east-1").with_secret("hunter2", *words)
    assert "hunter2" not in json.dumps(answer["words"])
    assert answer["given"] == "hunter2"


def test_without_aws_it_ends_in_one_line() -> None:
    words = ("staging", "--at", AT, "--yes")
    done = run_here("scripts/restore-database", *words, without=("AWS_",), PATH="/nonexistent")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("scripts/restore-database: ")
