"""The life of a task from running to stopped, with its containers in Docker.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from docker.errors import APIError, NotFound
from ministack.core.concurrency import resource_lock, spawn_background
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import ecs
from requests.exceptions import RequestException

from rehearsal.aws.patches import replaces
from rehearsal.aws.records import Answer, Json, Service, Task
from rehearsal.aws.targets import deregistration_delay, targets

log = logging.getLogger("rehearsal.tasks")
HEALTH = {"healthy": "HEALTHY", "unhealthy": "UNHEALTHY"}
OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
EXITED = "Essential container in task exited"
# The load balancer needs a moment to stop sending requests.
DEREGISTER_SECONDS = 0.5
STOP_SECONDS = 30


def definition(task: Task) -> Json:
    found: Json = ecs._task_defs.get(ecs._resolve_td_key(task["taskDefinitionArn"])) or {}
    return found


def service_key(task: Task) -> str:
    """Return the key of a task's service; empty for a task that runs once."""
    kind, _, name = task.get("group", "").partition(":")
    cluster = ecs._cluster_name_from_arn(task["clusterArn"])
    return f"{cluster}/{name}" if kind == "service" else ""


def update_task(task: Task) -> bool:
    """Update a task from Docker; return whether an essential container has exited."""
    client = ecs._get_docker()
    exited = False
    health = []
    for index, identifier in enumerate(list(task.get("_docker_ids") or [])):
        try:
            state = client.api.inspect_container(identifier)["State"]
        except NotFound:
            state = {"Status": "exited", "ExitCode": 137}
        except (APIError, RequestException):
            continue  # Docker is busy, so the state of the container is unknown
        container = task["containers"][index]
        if state["Status"] in ("exited", "dead"):
            take_end(task, index, state)
            exited = exited or task["_container_essentials"][index]
        elif "Health" in state:
            container["healthStatus"] = HEALTH.get(state["Health"]["Status"], "UNKNOWN")
            health.append(container["healthStatus"])
    for status in ("UNHEALTHY", "UNKNOWN", "HEALTHY"):
        if status in health:
            task["healthStatus"] = status
            break
    return exited


def take_end(task: Task, index: int, state: Json) -> None:
    container = task["containers"][index]
    container["lastStatus"], container["exitCode"] = "STOPPED", int(state["ExitCode"])
    if state.get("OOMKilled") and container["exitCode"] == 137:
        container["reason"] = OUT_OF_MEMORY


def stop(task: Task, reason: str, code: str) -> bool:
    """Begin to stop a task; return False if it was stopping already."""
    arn = task["taskArn"]
    with resource_lock("ecs-task", arn):
        if not ecs._task_is_active(arn, task):
            return False
        drains = task["lastStatus"] == "RUNNING" and code != "EssentialContainerExited"
        task["desiredStatus"], task["lastStatus"] = "STOPPED", "DEACTIVATING"
        task["stoppedReason"], task["stopCode"] = reason, code
        task["stoppingAt"] = ecs._iso()
        ecs._bump_task_version(task)
    refresh(task)
    where = get_account_id(), get_region()
    spawn_background(finish, task, drains, where, thread_name=f"stop-{arn[-8:]}")
    return True


def finish(task: Task, drains: bool, where: tuple[str, str]) -> None:
    """Wait for open requests, stop the containers, and mark the task as stopped."""
    with request_scope(*where):
        if drains and (service := ecs._services.get(service_key(task))):
            drain(service, ecs._task_ip(task))
        task["lastStatus"] = "STOPPING"
        try:
            stop_containers(task)
        except (APIError, RequestException) as error:
            log.warning("%s: Docker could not stop it: %s", task["taskArn"], error)
        task["executionStoppedAt"] = ecs._iso()
        ecs._cleanup_task_resources(task, ecs._get_docker())
        for container in task["containers"]:
            container["lastStatus"] = "STOPPED"
        task["lastStatus"], task["stoppedAt"] = "STOPPED", ecs._iso()
        ecs._bump_task_version(task)
        ecs.ecs_metadata.set_all_container_status(task["taskArn"], "STOPPED")
        refresh(task)
        if (
            task["stopCode"] == "EssentialContainerExited"
            or "health checks" in task["stoppedReason"]
        ):
            ecs._record_service_task_failure(task)


def drain(service: Service, address: str | None) -> None:
    """Wait for open requests to a target, at most for the deregistration delay."""
    groups = [g["targetGroupArn"] for g in service.get("loadBalancers") or []]
    if not groups or not address:
        return
    time.sleep(DEREGISTER_SECONDS)
    deadline = time.monotonic() + max(deregistration_delay(arn) for arn in groups)
    while any(targets.in_flight(arn, address) for arn in groups) and time.monotonic() < deadline:
        time.sleep(0.1)


def stop_containers(task: Task) -> None:
    """Send SIGTERM, and SIGKILL after each container's stopTimeout; record the exit codes."""
    client = ecs._get_docker()
    timeouts = {
        container["name"]: int(container.get("stopTimeout") or STOP_SECONDS)
        for container in definition(task).get("containerDefinitions", [])
    }
    for index, identifier in reversed(list(enumerate(task.get("_docker_ids") or []))):
        try:
            timeout = timeouts.get(task["containers"][index]["name"], STOP_SECONDS)
            client.api.stop(identifier, timeout=timeout)
            take_end(task, index, client.api.inspect_container(identifier)["State"])
        except NotFound:
            continue


def refresh(task: Task) -> None:
    """Update cluster, service and target groups."""
    cluster = ecs._cluster_name_from_arn(task["clusterArn"])
    ecs._recount_cluster(cluster)
    ecs._refresh_service_state(cluster, task.get("group", ""))


@replaces(ecs, "_stop_task")
def stop_task(original: Callable[[Json], Answer], data: Json) -> Answer:
    """AWS answers at once and then drains, signals and waits; ministack stops within the call.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html
    """
    cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
    task: Task | None = ecs._resolve_task(data.get("task", ""), cluster) if cluster else None
    if task is None or task["lastStatus"] == "STOPPED":
        return original(data)
    reason = data.get("reason", "Task stopped by user")
    stop(task, reason, "UserInitiated")
    return ecs.json_response({"task": ecs._sanitize(task)})  # type: ignore[no-any-return]


@replaces(ecs, "_mark_task_running")
def mark_running(original: Callable[[str, Task], bool], arn: str, task: Task) -> bool:
    """Record the start of a task, from which AWS counts the grace period of health checks."""
    task["_started"] = time.monotonic()
    return original(arn, task)


@replaces(ecs, "_watch_task_lifecycle")
def watch(original: Callable[..., None], *words: Any) -> None:
    """Do nothing: the scheduler watches all tasks. ministack has a thread for each one."""


@replaces(ecs, "_maybe_mark_stopped")
def refresh_when_asked(original: Callable[..., None], task: Task, client: object = None) -> None:
    """Do nothing: the scheduler updates the tasks. In ministack, each call asks Docker for all."""
