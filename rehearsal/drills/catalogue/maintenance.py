"""Drills of maintenance under load, which must lose no request."""

from __future__ import annotations

from rehearsal import docker, local_aws
from rehearsal.drills import states
from rehearsal.drills.context import DrillContext
from rehearsal.drills.drill import After, Drill
from rehearsal.drills.scenarios import under_load
from rehearsal.paths import host
from rehearsal.ports import url

ADDRESS = "--format={{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"


def rotate_password(context: DrillContext) -> None:
    words = ("staging", "database", "--yes", "--parameters", str(local_aws.parameters("staging")))
    context.observation.log, _ = under_load(
        context,
        "scripts/rotate-secrets",
        lambda: local_aws.shell("scripts/rotate-secrets", *words, APP_URL=url("staging")),
    )


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
)
