"""Drills of maintenance under load."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from rehearsal import docker, local_aws
from rehearsal.drills import states
from rehearsal.drills.context import DrillContext
from rehearsal.drills.drill import After, Drill
from rehearsal.drills.scenarios import under_load
from rehearsal.errors import Failure
from rehearsal.paths import host
from rehearsal.ports import url

TABLE = "releases_release"
COUNT = "from apps.releases.models import Release; print(Release.objects.count())"
FAILS_SECONDS = 120  # a page that still answers without its table does not use it
ADDRESS = "--format={{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"


def rotate_password(context: DrillContext) -> None:
    words = ("staging", "database", "--yes", "--parameters", str(local_aws.parameters("staging")))
    context.observation.log, _ = under_load(
        context,
        "scripts/rotate-secrets",
        lambda: local_aws.shell("scripts/rotate-secrets", *words, APP_URL=url("staging")),
    )


def drop_table(context: DrillContext) -> None:
    """Write a row, drop a table, and restore the database to the moment before both."""
    rows = states.python("staging", COUNT)
    at = datetime.now(UTC).replace(microsecond=0)
    time.sleep(2)  # what follows is of a later second

    def act() -> str:
        states.sql(
            "staging", "INSERT INTO auth_group (name) VALUES ('late')", f"DROP TABLE {TABLE}"
        )
        wait_until_releases_fail()
        given = ("--parameters", str(local_aws.parameters("staging")))
        words = ("staging", "--at", at.isoformat(), "--yes", *given)
        return local_aws.shell("scripts/restore-database", *words, APP_URL=url("staging"))

    said, seconds = under_load(context, "scripts/restore-database", act)
    context.cleanup.data.callback(delete_instance, f"myapp-staging-replaced-{at:%Y%m%dt%H%M%Sz}")
    context.observation.log = f"{said}\nrestored in {seconds:.0f} s"
    if (now := states.python("staging", COUNT)) != rows:
        context.problem(f"{TABLE} has {now} rows, and had {rows}")
    for line in (f"{TABLE}: no table -> {rows} (+{rows})", "auth_group: 1 -> 0 (-1)"):
        if line not in said:
            context.problem(f"scripts/restore-database did not say {line!r}")
    if not context.observation.lost:
        context.problem("no request failed without the table")


def wait_until_releases_fail() -> None:
    deadline = time.monotonic() + FAILS_SECONDS
    while time.monotonic() < deadline:
        try:
            local_aws.releases("staging")
        except Failure:
            return
        time.sleep(0.5)
    raise Failure(f"/releases.json answers {FAILS_SECONDS} s after its table was dropped")


def delete_instance(identifier: str) -> None:
    words = ("--db-instance-identifier", identifier, "--skip-final-snapshot")
    local_aws.aws("rds", "delete-db-instance", *words)


def hold_slow_connections(context: DrillContext) -> None:
    """Open slow connections to a task directly, because the load balancer would absorb them."""
    tasks = running_tasks()
    address = docker.docker("inspect", ADDRESS, states.container("staging"))
    words = (f"http://{address}:8000", "--host", host("staging"))
    context.observation.log, _ = under_load(
        context, "scripts/slow-clients", lambda: local_aws.shell("scripts/slow-clients", *words)
    )
    if running_tasks() != tasks:
        context.problem("ECS replaced a task during the drill")


def running_tasks() -> set[str]:
    tasks = local_aws.service("staging")["tasks"]
    return {task["id"] for task in tasks if task["lastStatus"] == "RUNNING"}


DRILLS = (
    Drill(
        "password-rotation",
        "The database gets a new password while requests arrive.",
        None,
        After(says="alone"),
        scenario=rotate_password,
        staged=True,
        instead="only the new password works",
        seconds=130,
    ),
    Drill(
        "slow-clients",
        "200 connections to one task are slow or silent for a minute.",
        None,
        After(says="reads nothing"),
        scenario=hold_slow_connections,
        staged=True,
        instead="all other requests are served",
        seconds=80,
    ),
    Drill(
        "dropped-table",
        "A table is dropped while requests arrive. Somebody restores the database from a backup.",
        None,
        After(says="restored in", loses=True),
        scenario=drop_table,
        staged=True,
        instead="the rows are back",
        seconds=150,
    ),
)
