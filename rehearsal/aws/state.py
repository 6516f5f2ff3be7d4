"""The state of all services in one answer, for the live view and the report."""

from __future__ import annotations

from typing import Any

from ministack.services import alb, ecs

from rehearsal.aws.records import Json, Service, Task, short
from rehearsal.aws.registry import blobs
from rehearsal.aws.targets import targets
from rehearsal.aws.tasks import service_key
from rehearsal.aws.traffic import traffic

# Stopped tasks are listed for a while, as by DescribeTasks.
STOPPED_TOLD = 10


def describe() -> Json:
    """Return all services with their tasks, and all load balancers with their counts."""
    every = [task for _, task in ecs._tasks.all_items()]
    services = [
        service(key, record, [task for task in every if service_key(task) == key])
        for (_, _, key), record in ecs._services.all_items()
        if record["status"] == "ACTIVE"
    ]
    single = [task for task in every if not service_key(task)]
    return {
        "services": services,
        "tasks": [describe_task(task, []) for task in recent(single)],
        "balancers": [balancer(arn, record) for (_, _, arn), record in alb._lbs.all_items()],
        "registry": {"bytes": blobs.size()},
    }


def service(key: str, record: Service, tasks: list[Task]) -> Json:
    groups = [g["targetGroupArn"] for g in record.get("loadBalancers") or []]
    cluster, name = key.split("/", 1)
    return {
        "cluster": cluster,
        "name": name,
        "desired": record["desiredCount"],
        "deployments": [
            {
                "id": deployment["id"],
                "status": deployment["status"],
                "revision": short(deployment["taskDefinition"]),
                "desired": deployment["desiredCount"],
                "running": count(tasks, deployment["id"], {"RUNNING"}),
                "pending": count(
                    tasks, deployment["id"], {"PROVISIONING", "PENDING", "ACTIVATING"}
                ),
                "failed": deployment.get("failedTasks", 0),
                "rolloutState": deployment["rolloutState"],
                "reason": deployment.get("rolloutStateReason", ""),
            }
            for deployment in list(record["deployments"])
        ],
        "tasks": [describe_task(task, groups) for task in recent(tasks)],
        "events": [event["message"] for event in record["events"][:5]],
    }


def count(tasks: list[Task], deployment: str, states: set[str]) -> int:
    return sum(t.get("_deployment_id") == deployment and t["lastStatus"] in states for t in tasks)


def recent(tasks: list[Task]) -> list[Task]:
    """Return the running tasks, and the last that stopped."""
    stopped = sorted(
        (t for t in tasks if t["lastStatus"] == "STOPPED"), key=lambda t: t["stoppedAt"]
    )
    return [t for t in tasks if t["lastStatus"] != "STOPPED"] + stopped[-STOPPED_TOLD:]


def describe_task(task: Task, groups: list[str]) -> Json:
    address: str | None = ecs._task_ip(task)
    found: dict[str, Any] = {
        "id": short(task["taskArn"]),
        "group": task.get("group", ""),
        "revision": short(task["taskDefinitionArn"]),
        "deployment": task.get("_deployment_id"),
        "images": [container["image"] for container in task["containers"]],
        "lastStatus": task["lastStatus"],
        "desiredStatus": task.get("desiredStatus"),
        "health": task.get("healthStatus", "UNKNOWN"),
        "exitCodes": [container.get("exitCode") for container in task["containers"]],
        "created": task["createdAt"],
        "stopped": task.get("stoppedAt"),
        "reason": task.get("stoppedReason", ""),
    }
    if address:
        found["targets"] = [
            targets.known[group, address].state
            for group in groups
            if (group, address) in targets.known
        ]
    return found


def balancer(arn: str, record: Json) -> Json:
    counts: dict[str, int] = traffic.counts.get(arn) or {}
    return {"name": record["LoadBalancerName"], "host": record["DNSName"], "counts": dict(counts)}
