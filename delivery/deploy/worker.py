"""The worker of an environment: a second service of the same image, which moves with the first.

docs/first-week.md adds one. It is called myapp-ENVIRONMENT-worker, as are its revisions. infra/
registers what deploys make them of as myapp-ENVIRONMENT-worker-base, without image, variables and
secrets: each revision of the service gives its own to one of the worker, and has its number in the
tag `worker`, so that a rollback finds it.
"""

from __future__ import annotations

from typing import Any

from delivery.aws.client import Aws
from delivery.aws.ecs import CONTAINER, Service
from delivery.deploy.revisions import History, Revision, register

TAG = "worker"


def has_worker(aws: Aws, worker: str) -> bool:
    return bool(History(aws, f"{worker}-base").numbers())


def worker_of(service: Service) -> Service | None:
    """Return the worker beside a service; None if infra/ has none."""
    name = f"{service.name.removesuffix('-service')}-worker"
    found = Service(service.aws, service.cluster, name)
    return found if has_worker(service.aws, name) else None


def register_worker(history: History, revision: str) -> None:
    """Register the worker's revision for one of the service, if infra/ has a worker."""
    aws, worker = history.aws, f"{history.family.removesuffix('-task')}-worker"
    if not has_worker(aws, worker):
        return
    service = history.at(history.number(revision))
    base = aws("ecs", "describe-task-definition", "--task-definition", f"{worker}-base")
    arn = register(aws, worker, filled(base["taskDefinition"], service))
    history.tag(service, **{TAG: arn.rpartition(":")[2]})


def filled(base: dict[str, Any], service: Revision) -> dict[str, Any]:
    """Return the worker's definition with the image, variables and secrets of the service."""
    mine = next(c for c in base["containerDefinitions"] if c["name"] == CONTAINER)
    mine["image"] = service.image
    for name in ("environment", "secrets"):
        mine[name] = service.container.get(name, []) + mine.get(name, [])
    return base


def move_worker(service: Service, revision: Revision | None, seconds: float) -> None:
    """Move the worker to its revision for one of the service, and wait until it runs.

    It gets no tasks where there is no revision, or one from before there was a worker.
    """
    if not (worker := worker_of(service)):
        return
    found = worker.describe()
    target, count = found["taskDefinition"], "0"
    if revision and TAG in revision.tags:
        target, count = f"{worker.name}:{revision.tags[TAG]}", worker.minimum_tasks(found)
    # Forced, because ECS may have given up a deployment of the same revision.
    deployment = worker.move(target, "--desired-count", count, "--force-new-deployment")
    worker.wait(deployment, seconds)


def restart_worker(service: Service, seconds: float) -> None:
    """Replace the worker's tasks, if there is a worker, by new ones of the same revision."""
    if worker := worker_of(service):
        running = worker.describe()["taskDefinition"]
        worker.wait(worker.move(running, "--force-new-deployment"), seconds)
