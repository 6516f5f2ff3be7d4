"""Service deployments: list, describe and stop them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from ministack.services import ecs

from rehearsal.aws import rollouts
from rehearsal.aws.records import Json, Service
from rehearsal.tests.aws.test_rollouts import deployment, service

SERVICE = "arn:aws:ecs:us-east-1:123456789012:service/c/s"
ARN = "arn:aws:ecs:us-east-1:123456789012:service-deployment/c/s/{}"


def call(action: str, **words: Any) -> tuple[int, Json]:
    """Call ECS as the AWS CLI does; return the status and the answer."""
    headers = {"x-amz-target": f"AmazonEC2ContainerServiceV20141113.{action}"}
    body = json.dumps(words).encode()
    code, _, text = asyncio.run(ecs.handle_request("POST", "/", headers, body, {}))
    return code, json.loads(text)


def listed(*statuses: str) -> dict[str, str]:
    _, answer = call("ListServiceDeployments", cluster="c", service="s", status=list(statuses))
    return {d["serviceDeploymentArn"]: d["status"] for d in answer["serviceDeployments"]}


def described(name: str) -> str:
    _, answer = call("DescribeServiceDeployments", serviceDeploymentArns=[ARN.format(name)])
    (found,) = answer["serviceDeployments"]
    return str(found["status"])


@pytest.fixture
def moving() -> Service:
    """A service that leaves one deployment, `old`, for another, `new`."""
    found = service(deployment("new"), deployment("old", "ACTIVE", "COMPLETED"))
    found |= {"serviceArn": SERVICE, "clusterArn": "arn:aws:ecs:us-east-1:123456789012:cluster/c"}
    found["_last_completed"] = found["deployments"][1]["taskDefinition"]
    ecs._services["c/s"] = found
    return found


def test_deployments_are_listed_by_status(moving: Service) -> None:
    assert listed("PENDING", "IN_PROGRESS") == {ARN.format("new"): "IN_PROGRESS"}
    rollouts.complete(moving)
    assert listed("PENDING", "IN_PROGRESS") == {}
    assert listed() == {ARN.format("new"): "SUCCESSFUL"}


def test_a_stopped_deployment_returns_to_the_last_completed_one(moving: Service) -> None:
    assert call("StopServiceDeployment", serviceDeploymentArn=ARN.format("new"))[0] == 200
    assert rollouts.primary(moving)["id"] == "old"
    assert described("new") == "ROLLBACK_IN_PROGRESS"
    assert listed("PENDING", "IN_PROGRESS") == {}
    rollouts.complete(moving)
    assert described("new") == "ROLLBACK_SUCCESSFUL"


def test_a_deployment_is_stopped_only_once(moving: Service) -> None:
    for _ in range(2):
        assert call("StopServiceDeployment", serviceDeploymentArn=ARN.format("new"))[0] == 200
    assert moving["_given_up"] == ["new"]


def test_a_completed_deployment_cannot_be_stopped(moving: Service) -> None:
    rollouts.complete(moving)
    code, answer = call("StopServiceDeployment", serviceDeploymentArn=ARN.format("new"))
    assert (code, answer["__type"]) == (400, "ConflictException")


def test_an_unknown_deployment_is_named() -> None:
    _, answer = call("DescribeServiceDeployments", serviceDeploymentArns=[ARN.format("x")])
    assert answer["failures"] == [{"arn": ARN.format("x"), "reason": "MISSING"}]
    code, answer = call("StopServiceDeployment", serviceDeploymentArn=ARN.format("x"))
    assert (code, answer["__type"]) == (400, "ServiceDeploymentNotFoundException")
