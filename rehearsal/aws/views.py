"""The state of a service for its rollout: healthy tasks, tasks to replace, and alarms."""

from __future__ import annotations

from ministack.services import ecs

from rehearsal.aws.alarms import evaluated_seconds, in_alarm
from rehearsal.aws.records import Deployment, Service, Task
from rehearsal.aws.rollouts import TaskState, configuration
from rehearsal.aws.targets import targets
from rehearsal.aws.tasks import definition


def view(service: Service, task: Task, now: float) -> TaskState:
    """Return the state of a task that matters to a rollout."""
    address = ecs._task_ip(task)
    groups = [g["targetGroupArn"] for g in service.get("loadBalancers") or []]
    states = [targets.state(arn, address) for arn in groups]
    running = task["lastStatus"] == "RUNNING"
    checked = any("healthCheck" in c for c in definition(task).get("containerDefinitions", []))
    container = task.get("healthStatus", "UNKNOWN")
    well = container == "HEALTHY" or not checked
    return TaskState(
        arn=task["taskArn"],
        deployment=task.get("_deployment_id", ""),
        created=task["createdAt"],
        healthy=running and well and all(state == "healthy" for state in states),
        stopping=task.get("desiredStatus") == "STOPPED",
        unfit=unfit(service, task, dict(zip(groups, states, strict=True)), now) if running else "",
    )


def unfit(service: Service, task: Task, states: dict[str, str], now: float) -> str:
    """Return why a running task must be replaced; never within the grace period."""
    grace = int(service.get("healthCheckGracePeriodSeconds") or 0)
    if now < task.get("_started", now) + grace:
        return ""
    for arn, state in states.items():
        if state == "unhealthy":
            return f"Task failed ELB health checks in (target-group {arn})"
    if task.get("healthStatus") == "UNHEALTHY":
        return "Task failed container health checks"
    return ""


def alarming(service: Service, deployment: Deployment) -> list[str]:
    """Return the alarms of a deployment that went off since it began.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html
    """
    watched = configuration(service).get("alarms") or {}
    if not watched.get("enable"):
        return []
    names = in_alarm(watched.get("alarmNames") or [])
    # This deployment did not cause an alarm that was in ALARM before it.
    before = deployment.setdefault("_ignored_alarms", names)
    return [name for name in names if name not in before]


def bake_seconds(service: Service) -> float:
    """Return how long ECS watches a service's alarms after its new tasks are healthy.

    AWS computes the time from the alarms, but does not document how. Here it is the longest time
    that one of the alarms looks back:
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html
    """
    watched = configuration(service).get("alarms") or {}
    return evaluated_seconds(watched["alarmNames"]) if watched.get("enable") else 0
