"""ECS's service deployments, which ministack lacks: list, describe and stop them.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html
"""

from __future__ import annotations

from collections.abc import Callable

from ministack.core.responses import error_response_json, json_response
from ministack.services import ecs

from rehearsal.aws import rollouts
from rehearsal.aws.patches import replaces
from rehearsal.aws.records import Answer, Json, Service, short
from rehearsal.aws.scheduler import lock, wake

STATUSES = {"IN_PROGRESS": "IN_PROGRESS", "COMPLETED": "SUCCESSFUL"}


def answer(data: Json) -> Answer:
    return json_response(data)  # type: ignore[no-any-return]


def refuse(code: str, message: str) -> Answer:
    return error_response_json(code, message, 400)  # type: ignore[no-any-return]


def status(service: Service, deployment: str) -> str:
    """Return the status of a deployment. A rollback belongs to the deployment that is left."""
    current = rollouts.primary(service)
    returning = current.get("_returns", False)
    if deployment in service.get("_given_up", []) and deployment != current["id"]:
        return "ROLLBACK_IN_PROGRESS" if returning else "ROLLBACK_SUCCESSFUL"
    if deployment == current["id"]:
        return "SUCCESSFUL" if returning else STATUSES.get(current["rolloutState"], "STOPPED")
    return "STOPPED"


def record(service: Service, deployment: str) -> Json:
    """Return the API's description of a deployment; its ARN ends with the deployment's id."""
    mine = service["serviceArn"]
    arn = f"{mine.replace(':service/', ':service-deployment/')}/{short(deployment)}"
    return {
        "serviceDeploymentArn": arn,
        "serviceArn": mine,
        "clusterArn": service["clusterArn"],
        "status": status(service, deployment),
    }


def records() -> list[tuple[Service, str, Json]]:
    """Return all known deployments, the newest of a service first."""
    return [
        (service, deployment, record(service, deployment))
        for service in ecs._services.values()
        for deployment in dict.fromkeys(
            [*(d["id"] for d in service["deployments"]), *service.get("_given_up", [])]
        )
    ]


@replaces(ecs, "_list_service_deployments")
def list_deployments(original: Callable[[Json], Answer], data: Json) -> Answer:
    """AWS lists a service's deployments, optionally by status; ministack lists none."""
    wanted = data.get("status") or []
    with lock:
        found = [
            known
            for service, _, known in records()
            if data["service"] in (service["serviceName"], service["serviceArn"])
            and short(service["clusterArn"]) == short(data.get("cluster", "default"))
            and (not wanted or known["status"] in wanted)
        ]
    return answer({"serviceDeployments": found})


@replaces(ecs, "_describe_service_deployments")
def describe_deployments(original: Callable[[Json], Answer], data: Json) -> Answer:
    """AWS describes deployments by ARN, and names unknown ARNs; ministack describes none."""
    with lock:
        known = {found["serviceDeploymentArn"]: found for _, _, found in records()}
    asked = data["serviceDeploymentArns"]
    missing = [{"arn": arn, "reason": "MISSING"} for arn in asked if arn not in known]
    found = [known[arn] for arn in asked if arn in known]
    return answer({"serviceDeployments": found, "failures": missing})


def stop(data: Json) -> Answer:
    """Stop a deployment in progress and return to the last completed one.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stop-service-deployment.html
    """
    arn = data["serviceDeploymentArn"]
    if data.get("stopType", "ROLLBACK") != "ROLLBACK":
        return refuse("InvalidParameterException", "stopType must be ROLLBACK")
    with lock:
        found = [one for one in records() if one[2]["serviceDeploymentArn"] == arn]
        if not found:
            return refuse("ServiceDeploymentNotFoundException", f"there is no {arn}")
        service, _, known = found[0]
        if known["status"] == "IN_PROGRESS":
            rollouts.give_up(service, "stopped by a user", returns=True)
        elif known["status"] != "ROLLBACK_IN_PROGRESS":
            return refuse("ConflictException", f"{short(arn)} has the status {known['status']}")
    wake.set()
    return answer({"serviceDeploymentArn": arn})


def add_actions() -> None:
    """Add the actions of ECS that ministack lacks."""
    ecs._ACTION_MAP["StopServiceDeployment"] = stop
