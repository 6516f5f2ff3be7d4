"""ECS's scheduler: one thread for all tasks and services.

ministack considers a task good if its container survives the first second. AWS considers the health
of the container and of the target: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service_definition_parameters.html
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import ecs

from rehearsal.aws import rollouts
from rehearsal.aws.patches import replaces
from rehearsal.aws.records import Answer, Json, Service, Task, short
from rehearsal.aws.tasks import EXITED, service_key, stop, update_task
from rehearsal.aws.views import alarming, bake_seconds, view

log = logging.getLogger("rehearsal.scheduler")
PAUSE = 0.3
lock = threading.RLock()
wake = threading.Event()


def start() -> None:
    threading.Thread(target=run, name="scheduler", daemon=True).start()


def run() -> None:
    while True:
        wake.wait(PAUSE)
        wake.clear()
        for (account, region, _), task in ecs._tasks.all_items():
            with request_scope(account, region):
                guarded(advance_task, task)
        for (account, region, key), service in ecs._services.all_items():
            with request_scope(account, region):
                guarded(advance, key, service)
        time.sleep(0.1)  # several wake-ups in a row count as one


def guarded(step: Callable[..., None], *words: Any) -> None:
    """Log an error of one task or service, so that the others are still scheduled."""
    try:
        step(*words)
    except Exception:
        log.exception("%s", words[0])


def advance_task(task: Task) -> None:
    running = task["lastStatus"] == "RUNNING" and task.get("desiredStatus") == "RUNNING"
    if running and update_task(task):
        stop(task, EXITED, "EssentialContainerExited")


def advance(key: str, service: Service) -> None:
    """Advance a service by one step."""
    if service["status"] != "ACTIVE":
        return
    with lock:
        now = time.monotonic()
        cluster = key.split("/", 1)[0]
        mine = [t for _, t in list(ecs._tasks.items()) if service_key(t) == key]
        deployment = rollouts.primary(service)
        moving = deployment["rolloutState"] == "IN_PROGRESS"
        if moving and rollouts.breaker_trips(service):
            breaker = rollouts.configuration(service)["deploymentCircuitBreaker"]
            why = "circuit breaker: tasks failed to start"
            rollouts.give_up(service, why, bool(breaker.get("rollback")))
        elif moving and (names := alarming(service, deployment)):
            why = f"failed: alarms detected: {', '.join(names)}"
            returns = rollouts.configuration(service)["alarms"].get("rollback")
            rollouts.give_up(service, why, bool(returns))
        deployment = rollouts.primary(service)
        views = [view(service, t, now) for t in mine if t["lastStatus"] != "STOPPED"]
        if any(v.healthy and v.deployment == deployment["id"] for v in views):
            deployment["failedTasks"] = service["_failures"] = 0
        plan = rollouts.plan(service, views, now)
        tasks = {task["taskArn"]: task for task in mine}
        for arn, reason in plan.stop:
            if stop(tasks[arn], reason, "ServiceSchedulerInitiated"):
                rollouts.say(service, f"has stopped 1 running tasks: (task {short(arn)}).")
        launch(
            cluster,
            service,
            plan.start,
            has_tasks=any(v.deployment == deployment["id"] and not v.stopping for v in views),
        )
        if deployment["rolloutState"] == "IN_PROGRESS" and plan.complete:
            since = deployment.setdefault("_healthy_since", now)
            if now >= since + bake_seconds(service):
                rollouts.complete(service)
        else:
            deployment.pop("_healthy_since", None)
        ecs._refresh_service_state(cluster, f"service:{service['serviceName']}")


def launch(cluster: str, service: Service, count: int, has_tasks: bool) -> None:
    """Start tasks of the primary deployment."""
    deployment = rollouts.primary(service)
    registered = ecs._task_defs.get(ecs._resolve_td_key(deployment["taskDefinition"]))
    if not count or not registered:
        return
    # The first task resolves the tag to a digest, which the other tasks use.
    if ecs._deployment_needs_first_task(deployment, registered, service):
        count = 0 if has_tasks else 1
    for _ in range(count):
        _, _, body = ecs._run_task(
            {
                "cluster": cluster,
                "taskDefinition": deployment["taskDefinition"],
                "group": f"service:{service['serviceName']}",
                "startedBy": deployment["id"],
                "launchType": service.get("launchType"),
                "networkConfiguration": service.get("networkConfiguration"),
                "_deploymentId": deployment["id"],
            }
        )
        for task in json.loads(body).get("tasks", []):
            rollouts.say(service, f"has started 1 tasks: (task {short(task['taskArn'])}).")


@replaces(ecs, "_reconcile_service_tasks")
def reconcile(original: Callable[..., None], cluster: str, key: str) -> None:
    """Wake the scheduler, which starts and stops tasks instead of ministack."""
    wake.set()


@replaces(ecs, "_schedule_service_deployment_completion")
def schedule_completion(original: Callable[..., None], *words: Any, **named: Any) -> None:
    """Do nothing: the scheduler completes deployments instead of ministack."""


@replaces(ecs, "_record_service_task_failure")
def record_failure(
    original: Callable[..., None], task: Task, digest_resolution_failed: bool = False
) -> None:
    """AWS waits longer after each crash before it starts a task; ministack starts it at once.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-throttle-logic.html
    """
    service: Service | None = ecs._services.get(service_key(task))
    # A tag that can't be resolved can't be pulled either, so the task itself will fail.
    if service is None or digest_resolution_failed:
        return
    with lock:
        deployment = ecs._deployment_for_task(service, task)
        if deployment is not None and deployment is rollouts.primary(service):
            deployment["failedTasks"] = deployment.get("failedTasks", 0) + 1
            failures = service["_failures"] = service.get("_failures", 0) + 1
            service["_not_before"] = time.monotonic() + rollouts.back_off(failures)
    wake.set()


@replaces(ecs, "_create_service")
def create_service(original: Callable[[Json], Answer], data: Json) -> Answer:
    """On AWS a first deployment is in progress until its tasks are healthy; in ministack never."""
    with lock:
        answer = original(data)
        cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
        if answer[0] == 200:
            service = ecs._services[f"{cluster}/{data['serviceName']}"]
            rollouts.enter(rollouts.primary(service), "IN_PROGRESS", "ECS deployment in progress.")
    return answer


@replaces(ecs, "_update_service")
def update_service(original: Callable[[Json], Answer], data: Json) -> Answer:
    """Let the scheduler see a service only before or after an update, not during it."""
    with lock:
        before = {id(d) for s in ecs._services.values() for d in s["deployments"]}
        answer = original(data)
        for service in ecs._services.values():
            if id(rollouts.primary(service)) not in before:
                service["_failures"] = service["_not_before"] = 0
    wake.set()
    return answer
