"""RDS for MySQL: a real one in a container, which answers to its endpoint's name.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-rds-dbinstance.html
"""

from __future__ import annotations

import secrets
import ssl
import time
from collections.abc import Callable
from typing import Any

import pymysql
from docker.errors import NotFound
from docker.models.containers import Container
from ministack.core import container_reaper
from ministack.services import ecs, rds
from ministack.services.cloudformation import provisioners
from pymysql.cursors import DictCursor

from rehearsal.aws import settings
from rehearsal.aws.certificates import FOLDER, authority_pem, server_files
from rehearsal.aws.patches import replaces
from rehearsal.aws.records import Json

Created = tuple[str, Json]
PATIENCE_SECONDS = 180
# The parameters of infra/data.yaml, the binary log of RDS's backups, and small sizes because the
# machine is shared.
OPTIONS = (
    *("--require-secure-transport=ON", "--performance-schema=OFF"),
    *("--log-bin=binlog", "--binlog-expire-logs-seconds=0", "--sync-binlog=0"),
    *("--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=2"),
    *(f"--ssl-ca=/{FOLDER}/ca.pem", f"--ssl-cert=/{FOLDER}/server.pem"),
    f"--ssl-key=/{FOLDER}/server.key",
)


def image(version: str) -> str:
    """Return the image of a version such as "8.4" or "8.0.40"."""
    return f"mysql:{'.'.join(version.split('.')[:2])}"


def container_name(identifier: str) -> str:
    return f"{settings.PREFIX}-rds-{identifier}"


def start(identifier: str) -> None:
    """Start an instance's MySQL, and return when its master user can log in.

    Its binary log begins then, so that another instance can start alike and repeat what follows.
    """
    record = rds._instances[identifier]
    remove(identifier)
    client = ecs._get_docker()
    container = client.containers.create(
        image(str(record.get("EngineVersion") or "8.4")),
        ["mysqld", *OPTIONS, f"--server-id={1 + secrets.randbelow(2**32 - 1)}"],
        name=container_name(identifier),
        labels=container_reaper.own_labels("rehearsal-rds"),
        environment={
            "MYSQL_ROOT_PASSWORD": record["_RootPassword"],
            "MYSQL_DATABASE": record["DBName"],
            "MYSQL_USER": record["MasterUsername"],
            "MYSQL_PASSWORD": record["_FirstPassword"],
        },
    )
    client.networks.get("bridge").disconnect(container, force=True)
    connect(container, record)
    # RDS's master user may do nearly everything.
    run(record, "GRANT ALL ON *.* TO %s@'%%'", record["MasterUsername"])
    run(record, "RESET BINARY LOGS AND GTIDS")


def connect(container: Container, record: Json) -> None:
    """Start a container under the name of an instance's endpoint, with a certificate for it."""
    host = record["Endpoint"]["Address"]
    ecs._get_docker().networks.get(settings.NETWORK).connect(container, aliases=[host])
    container.put_archive("/", server_files(host))
    container.start()
    wait(record)


def wait(record: Json) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            run(record, "SELECT 1")
            return
        except pymysql.err.OperationalError as error:
            if time.monotonic() > deadline:
                raise ValueError(f"MySQL did not come up: {error}") from None
            time.sleep(0.5)


def run(record: Json, statement: str, *values: object) -> list[Json]:
    """Return the rows of a statement that root runs, over TLS: MySQL must prove its host's name."""
    tls = ssl.create_default_context(cadata=authority_pem())
    root = {"host": record["Endpoint"]["Address"], "user": "root"}
    root["password"] = record["_RootPassword"]
    connection = pymysql.connect(**root, ssl=tls, cursorclass=DictCursor)
    with connection, connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return list(cursor.fetchall())


def change_password(record: Json, password: str) -> None:
    user = record["MasterUsername"]
    run(record, "ALTER USER %s@'%%' IDENTIFIED BY %s", user, password)
    record["_MasterUserPassword"] = password


def remove(identifier: str) -> None:
    try:
        ecs._get_docker().containers.get(container_name(identifier)).remove(force=True, v=True)
    except NotFound:
        return


@replaces(provisioners, "_rds_db_instance_create")
def create(original: Callable[..., Created], logical: str, properties: Json, stack: str) -> Created:
    """AWS starts a database; ministack writes down that there is one."""
    identifier, attributes = original(logical, properties, stack)
    if str(properties.get("Engine", "")).startswith("mysql"):
        record = rds._instances[identifier]
        record["_FirstPassword"] = properties["MasterUserPassword"]
        record["_RootPassword"] = secrets.token_hex(16)
        start(identifier)
        record["_RestorableSince"] = time.time()
        # Where a record has none, ministack answers the present time: the binary log has all.
        record.pop("LatestRestorableTime", None)
    return identifier, attributes


@replaces(provisioners, "_rds_db_instance_update")
def update(
    original: Callable[..., Created], physical: str, old: Json, new: Json, *words: Any, **named: Any
) -> Created:
    """AWS gives a running database its new password."""
    answer = original(physical, old, new, *words, **named)
    before, after = old.get("MasterUserPassword"), new.get("MasterUserPassword")
    record = rds._instances.get(physical)
    if record and before and after and before != after:
        change_password(record, after)
    return answer


@replaces(provisioners, "_rds_db_instance_delete")
def delete(original: Callable[..., None], physical: str, properties: Json) -> None:
    """AWS ends the database and its storage."""
    original(physical, properties)
    remove(physical)
