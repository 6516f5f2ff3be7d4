"""RDS for MySQL: a real one in a container, which answers to its endpoint's name.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-rds-dbinstance.html
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from typing import Any

import pymysql
from docker.errors import NotFound
from ministack.core import container_reaper
from ministack.services import ecs, rds
from ministack.services.cloudformation import provisioners

from rehearsal.aws import settings
from rehearsal.aws.certificates import FOLDER, authority_pem, server_files
from rehearsal.aws.patches import replaces
from rehearsal.aws.records import Json

Created = tuple[str, Json]
PATIENCE_SECONDS = 180
# The parameters of infra/data.yaml, and small sizes because the machine is shared.
OPTIONS = (
    *("--require-secure-transport=ON", "--performance-schema=OFF", "--skip-log-bin"),
    *("--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=2"),
    *(f"--ssl-ca=/{FOLDER}/ca.pem", f"--ssl-cert=/{FOLDER}/server.pem"),
    f"--ssl-key=/{FOLDER}/server.key",
)


def image(version: str) -> str:
    """Return the image of a version such as "8.4" or "8.0.40"."""
    return f"mysql:{'.'.join(version.split('.')[:2])}"


def container_name(identifier: str) -> str:
    return f"{settings.PREFIX}-rds-{identifier}"


def start(identifier: str, password: str) -> None:
    """Start an instance's MySQL, and return when its master user can log in."""
    record = rds._instances[identifier]
    remove(identifier)
    client = ecs._get_docker()
    container = client.containers.create(
        image(str(record.get("EngineVersion") or "8.4")),
        ["mysqld", *OPTIONS],
        name=container_name(identifier),
        labels=container_reaper.own_labels("rehearsal-rds"),
        environment={
            "MYSQL_ROOT_PASSWORD": password,
            "MYSQL_DATABASE": record["DBName"],
            "MYSQL_USER": record["MasterUsername"],
            "MYSQL_PASSWORD": password,
        },
    )
    client.networks.get("bridge").disconnect(container, force=True)
    host = record["Endpoint"]["Address"]
    client.networks.get(settings.NETWORK).connect(container, aliases=[host])
    container.put_archive("/", server_files(host))
    container.start()
    wait(host, password)
    # RDS's master user may do nearly everything.
    run(host, "root", password, "GRANT ALL ON *.* TO %s@'%%'", record["MasterUsername"])


def wait(host: str, password: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            run(host, "root", password, "SELECT 1")
            return
        except pymysql.err.OperationalError as error:
            if time.monotonic() > deadline:
                raise ValueError(f"MySQL did not come up: {error}") from None
            time.sleep(0.5)


def run(host: str, user: str, password: str, statement: str, *values: str) -> None:
    """Run a statement, over TLS: MySQL takes nothing else, and proves that it is this host."""
    tls = ssl.create_default_context(cadata=authority_pem())
    with pymysql.connect(host=host, user=user, password=password, ssl=tls) as connection:
        connection.cursor().execute(statement, values or None)


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
        start(identifier, properties["MasterUserPassword"])
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
        host, user = record["Endpoint"]["Address"], record["MasterUsername"]
        for name in (user, "root"):
            run(host, "root", before, "ALTER USER %s@'%%' IDENTIFIED BY %s", name, after)
    return answer


@replaces(provisioners, "_rds_db_instance_delete")
def delete(original: Callable[..., None], physical: str, properties: Json) -> None:
    """AWS ends the database and its storage."""
    original(physical, properties)
    remove(physical)
