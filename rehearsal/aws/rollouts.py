"""The next step of a service: tasks to start and to stop, or the end of a deployment.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ministack.services import ecs

from rehearsal.aws.records import Deployment, Json, Service

# After this many failures in a row, each new task waits longer: 1 s, 2 s, 4 s and so on.
PATIENCE = 3
LONGEST_WAIT = 30.0


@dataclass(frozen=True)
class TaskState:
    """The state of a task that a rollout depends on."""

    arn: str
    deployment: str
    created: str = ""
    healthy: bool = False
    # It is stopping, but still runs.
    stopping: bool = False
    # The reason why it must be replaced.
    unfit: str = ""


@dataclass
class Plan:
    """The tasks to start and to stop now."""

    start: int = 0
    stop: list[tuple[str, str]] = field(default_factory=list)
    complete: bool = False


def configuration(service: Service) -> Json:
    return service.get("deploymentConfiguration") or {}


def primary(service: Service) -> Deployment:
    return next(d for d in service["deployments"] if d["status"] == "PRIMARY")


def plan(service: Service, tasks: list[TaskState], now: float) -> Plan:
    """Return the next steps towards desiredCount healthy tasks of the primary deployment.

    There are never more than maximumPercent of desiredCount, including those that stop. No healthy
    task is stopped if fewer than minimumHealthyPercent would remain.
    """
    deployment, desired = primary(service), int(service["desiredCount"])
    most = math.floor(desired * int(configuration(service).get("maximumPercent", 200)) / 100)
    least = math.ceil(desired * int(configuration(service).get("minimumHealthyPercent", 100)) / 100)
    done = Plan(stop=[(task.arn, task.unfit) for task in tasks if task.unfit and not task.stopping])
    alive = [task for task in tasks if not task.stopping and not task.unfit]
    mine = [task for task in alive if task.deployment == deployment["id"]]
    old = [task for task in alive if task.deployment != deployment["id"]]

    if deployment["rolloutState"] != "FAILED" and now >= service.get("_not_before", 0):
        done.start = max(0, min(desired - len(mine), max(most, 1) - len(tasks)))
    newest_first = sorted(mine, key=lambda task: task.created, reverse=True)
    surplus = newest_first[: max(0, len(mine) - desired)]
    done.stop += [(task.arn, "Scaling activity initiated by deployment") for task in surplus]

    spare = sum(task.healthy for task in alive) - len(surplus) - least
    waiting = [task for task in old if not task.healthy]
    leaving = waiting + [task for task in old if task.healthy][: max(0, spare)]
    # A failed deployment without a previous one to return to leaves its running tasks alone.
    if deployment["rolloutState"] != "FAILED" or not desired:
        reason = f"Scaling activity initiated by (deployment {deployment['id']})"
        done.stop += [(task.arn, reason) for task in leaving]
    healthy = sum(task.healthy for task in mine)
    done.complete = healthy == desired and len(tasks) == len(mine) == desired
    return done


def back_off(failures: int) -> float:
    """Return the seconds that the next task waits after a number of failures in a row."""
    return 0 if failures <= PATIENCE else min(LONGEST_WAIT, 2.0 ** (failures - PATIENCE - 1))


def say(service: Service, message: str) -> None:
    """Add an event to the service's events, newest first."""
    text = f"(service {service['serviceName']}) {message}"
    service["events"].insert(0, {"id": ecs.new_uuid(), "createdAt": ecs._iso(), "message": text})
    del service["events"][100:]


def enter(deployment: Deployment, state: str, reason: str) -> None:
    deployment["rolloutState"], deployment["rolloutStateReason"] = state, reason
    deployment["updatedAt"] = ecs._iso()


def complete(service: Service) -> None:
    """Mark the primary deployment as complete, so that later ones can return to it."""
    deployment = primary(service)
    enter(deployment, "COMPLETED", f"ECS deployment {deployment['id']} completed.")
    deployment.pop("_returns", None)
    service["_last_completed"] = deployment["taskDefinition"]
    service["deployments"] = [deployment]
    say(service, f"(deployment {deployment['id']}) deployment completed.")
    say(service, "has reached a steady state.")


def breaker_trips(service: Service) -> bool:
    """Return whether enough tasks failed in a row to stop the deployment.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
    """
    breaker = configuration(service).get("deploymentCircuitBreaker") or {}
    failed = primary(service).get("failedTasks", 0)
    return bool(breaker.get("enable")) and failed >= int(ecs._circuit_breaker_threshold(service))


def give_up(service: Service, why: str, returns: bool) -> None:
    """Mark a deployment as failed; return to the last completed one if configured."""
    failed = primary(service)
    enter(failed, "FAILED", f"ECS deployment {why}.")
    failed["desiredCount"] = 0
    service.setdefault("_given_up", []).append(failed["id"])
    say(service, f"(deployment {failed['id']}) deployment failed: {why}.")
    good = service.get("_last_completed")
    if not returns or not good or good == failed["taskDefinition"]:
        return
    before = next((d for d in service["deployments"] if d["taskDefinition"] == good), None)
    if before is None:
        before = ecs._make_deployment(good, service["desiredCount"])
        before["launchType"] = service.get("launchType", "FARGATE")
        service["deployments"].insert(0, before)
    failed["status"], before["status"] = "ACTIVE", "PRIMARY"
    before.pop("_ignored_alarms", None)
    before["_returns"] = True
    before["desiredCount"], before["failedTasks"] = service["desiredCount"], 0
    enter(before, "IN_PROGRESS", f"ECS deployment {why}: rolling back to {before['id']}.")
    service["taskDefinition"] = good
    service["_failures"], service["_not_before"] = 0, 0
    say(service, f"rolling back to deployment {before['id']}.")
