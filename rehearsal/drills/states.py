"""The state of an environment, as load balancer, ECS, registry and database report it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from rehearsal import docker, local_aws
from rehearsal.errors import Failure
from rehearsal.paths import ENVIRONMENTS, host

APPLIED = (
    "from django.db import connection as c; k = c.cursor();"
    "k.execute('SELECT app, name FROM django_migrations');"
    "print('\\n'.join('.'.join(row) for row in k.fetchall()))"
)


@dataclass(frozen=True)
class EnvironmentState:
    """The state of an environment: the running revision, its health, and the records of it."""

    commit: str = ""
    ready: bool = False
    revision: str = ""
    stable: bool = False  # one deployment, complete, with all its tasks healthy
    live: str = ""  # the commit that /releases.json calls live
    outcomes: Mapping[str, str] = field(default_factory=dict)  # of each commit, from there
    tags: frozenset[str] = frozenset()
    migrations: frozenset[str] = frozenset()


def environments(*, deep: bool) -> dict[str, EnvironmentState]:
    """Return both states; `deep` adds registry and database, which takes seconds."""
    with ThreadPoolExecutor(len(ENVIRONMENTS)) as pool:
        found = pool.map(lambda name: environment(name, deep=deep), ENVIRONMENTS)
        return dict(zip(ENVIRONMENTS, found, strict=True))


def environment(name: str, *, deep: bool) -> EnvironmentState:
    health: dict[str, Any] = {}
    history: dict[str, Any] = {}
    service: Any = {}
    with suppress(Failure):
        service = local_aws.service(name)
    with suppress(Failure):
        health = local_aws.get("/health/", host(name))
        history = local_aws.get("/releases.json", host(name))
    tags = migrations = frozenset[str]()
    if deep:
        with suppress(Failure):
            tags = frozenset(image.tag for image in local_aws.images(name))
            migrations = frozenset(applied(name))
    deployments = service.get("deployments", [])
    revisions = [str(d["revision"]) for d in deployments if d["status"] == "PRIMARY"]
    return EnvironmentState(
        commit=str(health.get("commit", "")),
        ready=health.get("status") == "ok",
        revision="".join(revisions),
        stable=is_stable(service),
        live=str((history.get("live") or {}).get("commit", "")),
        outcomes={one["commit"]: one["outcome"] for one in reversed(history.get("releases", []))},
        tags=tags,
        migrations=migrations,
    )


def is_stable(service: Any) -> bool:
    """Return whether a service has one complete deployment, with all its tasks healthy."""
    deployments = service.get("deployments", [])
    if len(deployments) != 1 or deployments[0]["rolloutState"] != "COMPLETED":
        return False
    tasks = [task for task in service["tasks"] if task["lastStatus"] == "RUNNING"]
    healthy = [task for task in tasks if set(task.get("targets", [])) == {"healthy"}]
    return len(healthy) == len(tasks) == int(service["desired"])


def container(environment: str) -> str:
    """Return a container of the deployed revision."""
    service = local_aws.service(environment)
    primary = next(d for d in service["deployments"] if d["status"] == "PRIMARY")
    for task in service["tasks"]:
        if task["lastStatus"] == "RUNNING" and task["revision"] == primary["revision"]:
            found = docker.docker("ps", "--quiet", f"--filter=name=-{task['id'][:8]}-")
            if found:
                return found.partition("\n")[0]
    raise Failure(f"{environment} runs no task of its deployed revision")


def python(environment: str, code: str) -> str:
    """Return the output of Python code that runs in the service."""
    name = container(environment)
    return docker.docker("exec", name, "python", "manage.py", "shell", "--verbosity=0", "-c", code)


def applied(environment: str) -> list[str]:
    return python(environment, APPLIED).split()


def sql(environment: str, *statements: str) -> None:
    """Run statements on an environment's database; print the errors of those that fail."""
    code = (
        "import json; from django.db import connection as c\n"
        f"for s in json.loads({json.dumps(json.dumps(statements))}):\n"
        "    try: c.cursor().execute(s)\n"
        "    except Exception as e: print(e)\n"
    )
    python(environment, code)
