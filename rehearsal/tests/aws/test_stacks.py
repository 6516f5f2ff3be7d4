"""Stacks of infra/, made by the local CloudFormation: what a new account meets, and a first deploy."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from ministack.services import cloudformation, ecs, iam
from ministack.services.cloudformation.handlers import _create_stack, _update_stack

from rehearsal.aws.records import Json

INFRA = Path(__file__).resolve().parents[3] / "infra"
SERVICE = {
    "Environment": "staging",
    "PublicSubnets": "subnet-1,subnet-2",
    "TaskSecurityGroup": "sg-1",
    "TargetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/myapp/1",
    "SecretKeyArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:key",
    "DatabaseUrlArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:url",
    "RedisUrl": "redis://cache:6379/0",
    "AllowedHosts": "www.example.com",
    "Https": "false",
    "LogGroup": "/ecs/myapp-staging",
    "RollbackAlarms": "one,two",
    "TaskCpu": "512",
    "TaskMemory": "1024",
    "MinTasks": "2",
    "MaxTasks": "4",
}


@pytest.fixture(autouse=True)
def new_account() -> Iterator[None]:
    """Every test begins in an account that has no stack and no role."""
    cloudformation.reset()
    iam.reset()
    yield
    cloudformation.reset()
    iam.reset()


def deploy(template: str, **parameters: str) -> str:
    """Make or update a stack of a template in infra/; return why it failed, or nothing."""
    name = f"myapp-staging-{template}"
    request = {"StackName": [name], "Capabilities.member.1": ["CAPABILITY_NAMED_IAM"]}
    request["TemplateBody"] = [(INFRA / f"{template}.yaml").read_text()]
    for number, (key, value) in enumerate(parameters.items(), 1):
        request[f"Parameters.member.{number}.ParameterKey"] = [key]
        request[f"Parameters.member.{number}.ParameterValue"] = [value]

    async def finish() -> None:
        answer = (_update_stack if name in cloudformation._stacks else _create_stack)(request)
        assert answer[0] == 200, answer[2]
        while cloudformation._stacks[name]["StackStatus"].endswith("_IN_PROGRESS"):
            await asyncio.sleep(0.01)

    asyncio.run(finish())
    events = cloudformation._stack_events[cloudformation._stacks[name]["StackId"]]
    failed = [e["ResourceStatusReason"] for e in events if e["ResourceStatus"].endswith("_FAILED")]
    return failed[0] if failed else ""


def service() -> Json:
    found: Json = ecs._services["myapp-staging-cluster/myapp-staging-service"]
    return found


def create_role() -> None:
    iam._create_service_linked_role({"AWSServiceName": "ecs.amazonaws.com"})


def test_no_task_starts_before_the_first_deploy() -> None:
    create_role()
    assert deploy("service", **SERVICE) == ""
    assert service()["desiredCount"] == 0


def test_a_service_that_was_deployed_is_brought_to_its_minimum() -> None:
    create_role()
    deploy("service", **SERVICE)
    assert deploy("service", **SERVICE, RunningRevision=service()["taskDefinition"]) == ""
    assert service()["desiredCount"] == 2
