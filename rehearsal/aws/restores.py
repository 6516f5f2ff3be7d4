"""RDS's backups: a new instance with the data of a moment, and an instance's new name.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIT.html
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_RenameInstance.html
RDS starts a snapshot of the day and repeats the transactions since then. Here an instance starts as
the first one did, and as its replica repeats all transactions up to the moment.
"""

from __future__ import annotations

import copy
import logging
import tarfile
import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from datetime import datetime
from io import BytesIO

from ministack.services import ecs, rds

from rehearsal.aws import binlogs, databases, settings
from rehearsal.aws.patches import replaces
from rehearsal.aws.records import Answer, Json

logger = logging.getLogger(__name__)
DATA = "/var/lib/mysql"
# What a restored instance gets of its source; for the rest, RDS has defaults.
INHERITED = (
    *("AllocatedStorage", "AutoMinorVersionUpgrade", "BackupRetentionPeriod", "DBInstanceClass"),
    *("DBName", "Engine", "EngineVersion", "LicenseModel", "MasterUsername", "StorageEncrypted"),
    *("StorageType", "_FirstPassword", "_RootPassword"),
)
PATIENCE_SECONDS = 600


def parameter(request: Json, name: str) -> str:
    return str(rds._p(request, name))


def begin(work: Callable[..., None], record: Json, *words: object) -> None:
    """Do an instance's work beside the answer to the call, as RDS does; log what fails."""

    def guarded() -> None:
        try:
            work(record, *words)
            record["DBInstanceStatus"] = "available"
        except Exception:
            logger.exception("RDS: %s", record["DBInstanceIdentifier"])
            record["DBInstanceStatus"] = "failed"

    # ministack keeps the account and the region of a call in its context.
    threading.Thread(target=copy_context().run, args=[guarded], daemon=True).start()


def restore(request: Json) -> Answer:
    """RestoreDBInstanceToPointInTime, which ministack does not have."""
    name, target = (
        parameter(request, f"{which}DBInstanceIdentifier") for which in ("Source", "Target")
    )
    source = rds._instances.get(name)
    if source is None or "_RestorableSince" not in source:
        return refuse("DBInstanceNotFound", f"DBInstance {name} not found.", 404)
    if target in rds._instances:
        return refuse("DBInstanceAlreadyExists", f"DBInstance {target} already exists.")
    at = datetime.fromisoformat(parameter(request, "RestoreTime"))
    if not source["_RestorableSince"] <= at.timestamp() <= time.time():
        return refuse("InvalidParameterValue", f"{name} can't be restored to {at.isoformat()}.")
    record = describe(source, target, request)
    rds._instances[target] = record
    result = "RestoreDBInstanceToPointInTime"
    answered: Answer = rds._single_instance_response(f"{result}Response", f"{result}Result", record)
    begin(fill, record, source, at)
    return answered


def describe(source: Json, target: str, request: Json) -> Json:
    """Return the record of a restored instance: what the call does not name is RDS's default."""
    subnets = rds._subnet_groups.get(parameter(request, "DBSubnetGroupName"), {})
    family = f"default.{source['Engine']}{source['EngineVersion']}"
    groups = rds._parse_member_list(request, "VpcSecurityGroupIds") or ["sg-default"]
    record = {name: copy.deepcopy(source[name]) for name in INHERITED if name in source}
    record |= {
        "DBInstanceIdentifier": target,
        "DBInstanceStatus": "creating",
        "DBInstanceArn": source["DBInstanceArn"].rpartition(":")[0] + f":{target}",
        "DbiResourceId": f"db-{rds.new_uuid().replace('-', '')[:20].upper()}",
        "Endpoint": {**source["Endpoint"], "Address": endpoint(source, target)},
        "InstanceCreateTime": rds._format_time(time.time()),
        "DBSubnetGroup": subnets,
        "VpcSecurityGroups": [{"VpcSecurityGroupId": g, "Status": "active"} for g in groups],
        "DBParameterGroups": [
            {"DBParameterGroupName": parameter(request, "DBParameterGroupName") or family}
        ],
        "TagList": rds._parse_tags(request),
    }
    for name in ("MultiAZ", "PubliclyAccessible", "DeletionProtection", "CopyTagsToSnapshot"):
        record[name] = parameter(request, name) == "true"
    if largest := parameter(request, "MaxAllocatedStorage"):
        record["MaxAllocatedStorage"] = int(largest)
    return record


def endpoint(record: Json, identifier: str) -> str:
    """Return an instance's host: its name, and what all of an account and region have."""
    address: str = record["Endpoint"]["Address"]
    return f"{identifier}.{address.partition('.')[2]}"


def fill(record: Json, source: Json, at: datetime) -> None:
    """Start an instance, and let it repeat its source's transactions up to a moment."""
    databases.start(record["DBInstanceIdentifier"])
    # Transactions that follow are in a new file, so the end of the last one stays.
    logs = [log["Log_name"] for log in databases.run(source, "SHOW BINARY LOGS")]
    databases.run(source, "FLUSH BINARY LOGS")
    name, position = binlogs.end_of(at, logs, lambda log: read(source, log))
    databases.run(
        record,
        "CHANGE REPLICATION SOURCE TO SOURCE_HOST=%s, SOURCE_USER='root', SOURCE_PASSWORD=%s,"
        " SOURCE_SSL=1, SOURCE_LOG_FILE=%s, SOURCE_LOG_POS=4",
        *(source["Endpoint"]["Address"], source["_RootPassword"], logs[0]),
    )
    until = "START REPLICA UNTIL SOURCE_LOG_FILE=%s, SOURCE_LOG_POS=%s"
    databases.run(record, until, name, position)
    wait_for_replica(record)
    databases.run(record, "STOP REPLICA")
    databases.run(record, "RESET REPLICA ALL")
    record["_RestorableSince"] = time.time()


def wait_for_replica(record: Json) -> None:
    """Wait until a replica has come to its end; raise ValueError if it does not."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        (status,) = databases.run(record, "SHOW REPLICA STATUS")
        error = status["Last_IO_Error"] or status["Last_SQL_Error"]
        if not error and status["Replica_SQL_Running"] == "No":
            return
        if error or time.monotonic() > deadline:
            raise ValueError(f"the transactions could not be repeated: {error or status}")
        time.sleep(0.2)


def read(record: Json, log: str) -> bytes:
    """Return a file of an instance's binary log."""
    name = databases.container_name(record["DBInstanceIdentifier"])
    stream, _ = ecs._get_docker().containers.get(name).get_archive(f"{DATA}/{log}")
    with tarfile.open(fileobj=BytesIO(b"".join(stream))) as archive:
        file = archive.extractfile(log)
        assert file
        return file.read()


@replaces(rds, "_modify_db_instance")
def modify(original: Callable[[Json], Answer], request: Json) -> Answer:
    """AWS renames an instance, and gives MySQL its new password; ministack does neither here."""
    name = parameter(request, "DBInstanceIdentifier")
    new = parameter(request, "NewDBInstanceIdentifier")
    record = rds._instances.get(name)
    if record is None or "_RestorableSince" not in record:
        return original(request)
    if record["DBInstanceStatus"] != "available":
        state = record["DBInstanceStatus"]
        return refuse("InvalidDBInstanceState", f"Instance {name} is {state}, and not available.")
    if new in rds._instances:
        return refuse("DBInstanceAlreadyExists", f"DBInstance {new} already exists.")
    if password := parameter(request, "MasterUserPassword"):
        databases.change_password(record, password)
    answered = original({k: v for k, v in request.items() if k != "MasterUserPassword"})
    if new:
        record["DBInstanceStatus"] = "renaming"
        begin(rename, record, new)
    return answered


def rename(record: Json, new: str) -> None:
    """Restart an instance under a new name: of its container, its endpoint and its certificate."""
    old = record["DBInstanceIdentifier"]
    docker = ecs._get_docker()
    container = docker.containers.get(databases.container_name(old))
    container.stop()
    docker.networks.get(settings.NETWORK).disconnect(container)
    container.rename(databases.container_name(new))
    record["Endpoint"]["Address"] = endpoint(record, new)
    record["DBInstanceIdentifier"] = new
    record["DBInstanceArn"] = record["DBInstanceArn"].rpartition(":")[0] + f":{new}"
    rds._instances[new] = rds._instances.pop(old)
    databases.connect(container, record)


@replaces(rds, "_delete_db_instance")
def delete(original: Callable[[Json], Answer], request: Json) -> Answer:
    """AWS ends the database and its storage; ministack does not know its container here."""
    name = parameter(request, "DBInstanceIdentifier")
    status, headers, body = original(request)
    if status < 400:
        databases.remove(name)
    return status, headers, body


def automated_backups(request: Json) -> Answer:
    """DescribeDBInstanceAutomatedBackups, which ministack lacks: since when one can restore."""
    asked = {name: parameter(request, name) for name in ("DBInstanceIdentifier", "DbiResourceId")}
    found = [
        record
        for record in rds._instances.values()
        if "_RestorableSince" in record and all(v in ("", record[k]) for k, v in asked.items())
    ]
    members = "".join(map(backup, found))
    action = "DescribeDBInstanceAutomatedBackups"
    inner = f"<DBInstanceAutomatedBackups>{members}</DBInstanceAutomatedBackups>"
    answered: Answer = rds._xml(
        200, f"{action}Response", f"<{action}Result>{inner}</{action}Result>"
    )
    return answered


def backup(record: Json) -> str:
    first, last = (rds._format_time(at) for at in (record["_RestorableSince"], time.time()))
    return (
        "<DBInstanceAutomatedBackup>"
        f"<DBInstanceIdentifier>{record['DBInstanceIdentifier']}</DBInstanceIdentifier>"
        f"<DbiResourceId>{record['DbiResourceId']}</DbiResourceId>"
        f"<RestoreWindow><EarliestTime>{first}</EarliestTime>"
        f"<LatestTime>{last}</LatestTime></RestoreWindow></DBInstanceAutomatedBackup>"
    )


def refuse(code: str, message: str, status: int = 400) -> Answer:
    found: Answer = rds._error(code, message, status)
    return found


def add_actions() -> None:
    """Add the actions to RDS that ministack does not have."""
    rds._ACTION_MAP["RestoreDBInstanceToPointInTime"] = restore
    rds._ACTION_MAP["DescribeDBInstanceAutomatedBackups"] = automated_backups
