"""RDS's backups and new names, with a fake Docker and a fake MySQL that record their calls."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from ministack.services import ecs, rds
from ministack.services.cloudformation import provisioners

from rehearsal.aws import binlogs, databases
from rehearsal.aws.records import Json
from rehearsal.tests.aws.conftest import client
from rehearsal.tests.aws.test_databases import PROPERTIES, Docker

NAME, NEW = "myapp-staging", "myapp-staging-restored"
STATUS = {"Last_IO_Error": "", "Last_SQL_Error": "", "Replica_SQL_Running": "No"}
SECONDS = 10  # a thread that takes longer is stuck


class MySql:
    """The statements of each instance, and what they answer."""

    def __init__(self) -> None:
        self.statements: list[tuple[Any, ...]] = []
        self.status = STATUS

    def run(self, record: Json, statement: str, *values: object) -> list[Json]:
        self.statements.append((record["DBInstanceIdentifier"], statement, *values))
        if statement == "SHOW BINARY LOGS":
            return [{"Log_name": "binlog.1"}, {"Log_name": "binlog.2"}]
        return [dict(self.status)] if statement == "SHOW REPLICA STATUS" else []


class MovableDocker(Docker):
    def stop(self) -> None:
        self.calls.append(("stop", None))

    def rename(self, name: str) -> None:
        self.calls.append(("rename", name))

    def disconnect(self, container: Docker, force: bool = False) -> None:
        self.calls.append(("disconnect", force))


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch) -> MovableDocker:
    found = MovableDocker()
    monkeypatch.setattr(ecs, "_get_docker", lambda: found)
    return found


@pytest.fixture(autouse=True)
def mysql(docker: MovableDocker, monkeypatch: pytest.MonkeyPatch) -> Iterator[MySql]:
    """An instance that was just made."""
    found = MySql()
    monkeypatch.setattr(databases, "run", found.run)
    monkeypatch.setattr(binlogs, "end_of", lambda at, logs, read: ("binlog.2", 157))
    rds._instances.clear()
    provisioners._rds_db_instance_create("Db", {**PROPERTIES, "MultiAZ": "true"}, "stack")
    found.statements.clear()
    yield found
    rds._instances.clear()


def restore(seconds: float = 0, **words: Any) -> Json:
    at = datetime.now(UTC) + timedelta(seconds=seconds)
    names = {"SourceDBInstanceIdentifier": NAME, "TargetDBInstanceIdentifier": NEW}
    call = client("rds").restore_db_instance_to_point_in_time
    made: Json = call(**names, RestoreTime=at, **words)["DBInstance"]
    return made


def settled(name: str) -> Json:
    """Return an instance at the end of what it is doing."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        record = rds._instances.get(name)
        if record and record["DBInstanceStatus"] in ("available", "failed"):
            (found,) = client("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
            return dict(found)
        time.sleep(0.01)
    raise AssertionError(f"{name} has not settled")


def windows() -> dict[str, Json]:
    answer = client("rds").describe_db_instance_automated_backups()
    found = answer["DBInstanceAutomatedBackups"]
    return {backup["DBInstanceIdentifier"]: backup["RestoreWindow"] for backup in found}


def test_a_new_instance_repeats_all_transactions_up_to_the_moment(mysql: MySql) -> None:
    assert restore()["DBInstanceStatus"] == "creating"
    assert settled(NEW)["DBInstanceStatus"] == "available"
    mine = [words for name, *words in mysql.statements if name == NEW]
    (source,) = [words for words in mine if words[0].startswith("CHANGE REPLICATION SOURCE")]
    assert (source[1], source[-1]) == (rds._instances[NAME]["Endpoint"]["Address"], "binlog.1")
    assert ["START REPLICA UNTIL SOURCE_LOG_FILE=%s, SOURCE_LOG_POS=%s", "binlog.2", 157] in mine
    assert [words[0] for words in mine][-2:] == ["STOP REPLICA", "RESET REPLICA ALL"]


def test_transactions_that_come_later_are_in_another_file(mysql: MySql) -> None:
    restore()
    settled(NEW)
    asked = [words[0] for name, *words in mysql.statements if name == NAME]
    assert asked == ["SHOW BINARY LOGS", "FLUSH BINARY LOGS"]


def test_transactions_that_can_not_be_repeated_fail_the_instance(mysql: MySql) -> None:
    mysql.status = {**STATUS, "Last_SQL_Error": "Can't DROP"}
    restore()
    assert settled(NEW)["DBInstanceStatus"] == "failed"


def test_a_new_instance_has_the_defaults_of_rds_where_the_call_names_nothing() -> None:
    restore()
    found = settled(NEW)
    assert not found["MultiAZ"]
    assert found["DBParameterGroups"][0]["DBParameterGroupName"] == "default.mysql8.4"
    assert [g["VpcSecurityGroupId"] for g in found["VpcSecurityGroups"]] == ["sg-default"]


def test_a_new_instance_has_what_the_call_names() -> None:
    tags = [{"Key": "project", "Value": "myapp"}]
    restore(MultiAZ=True, DBParameterGroupName="ours", VpcSecurityGroupIds=["sg-1"], Tags=tags)
    found = settled(NEW)
    assert found["MultiAZ"]
    assert found["DBParameterGroups"][0]["DBParameterGroupName"] == "ours"
    assert [g["VpcSecurityGroupId"] for g in found["VpcSecurityGroups"]] == ["sg-1"]
    assert found["TagList"] == tags


@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_a_moment_without_a_backup_is_refused(seconds: float) -> None:
    with pytest.raises(ClientError, match="can't be restored to"):
        restore(seconds)


def test_a_restored_instance_has_backups_since_it_was_made() -> None:
    first = windows()[NAME]["EarliestTime"]
    restore()
    settled(NEW)
    assert windows()[NEW]["EarliestTime"] >= first


def test_a_new_name_is_that_of_endpoint_and_container(docker: MovableDocker) -> None:
    before = rds._instances[NAME]["Endpoint"]["Address"]
    client("rds").modify_db_instance(
        DBInstanceIdentifier=NAME, NewDBInstanceIdentifier="other", ApplyImmediately=True
    )
    host = settled("other")["Endpoint"]["Address"]
    assert host == before.replace(NAME, "other", 1)
    assert ("rename", "rehearsal-rds-other") in docker.calls
    assert ("connect", [host]) in docker.calls
    assert NAME not in rds._instances


def test_a_name_that_is_taken_is_refused() -> None:
    restore()
    settled(NEW)
    with pytest.raises(ClientError, match="already exists"):
        client("rds").modify_db_instance(DBInstanceIdentifier=NEW, NewDBInstanceIdentifier=NAME)


def test_an_instance_that_is_being_made_can_not_be_renamed() -> None:
    restore()
    settled(NEW)
    rds._instances[NEW]["DBInstanceStatus"] = "creating"
    with pytest.raises(ClientError, match="is creating, and not available"):
        client("rds").modify_db_instance(DBInstanceIdentifier=NEW, NewDBInstanceIdentifier="x")


def test_a_new_password_reaches_the_database(mysql: MySql) -> None:
    client("rds").modify_db_instance(DBInstanceIdentifier=NAME, MasterUserPassword="new-password")
    changed = "ALTER USER %s@'%%' IDENTIFIED BY %s"
    assert mysql.statements == [(NAME, changed, "myapp", "new-password")]


def test_a_deleted_instance_leaves_no_container(docker: MovableDocker) -> None:
    client("rds").delete_db_instance(DBInstanceIdentifier=NAME, SkipFinalSnapshot=True)
    assert docker.calls[-1] == ("remove", True)
    assert windows() == {}
