"""Stacks of infra/ in the local CloudFormation: created in a new account, and again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ministack.services import alb, cloudformation, cloudwatch, ecr, ecs, iam
from ministack.services.cloudformation import changesets
from ministack.services.cloudformation.handlers import _create_stack, _delete_stack, _update_stack

from rehearsal.aws import alarms, certificates
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

BALANCER = {
    "Environment": "staging",
    "Vpc": "vpc-1",
    "PublicSubnets": "subnet-1,subnet-2",
    "LoadBalancerSecurityGroup": "sg-1",
    "DomainName": "www.example.com",
    "CertificateArn": "",
    "LogRetentionDays": "30",
}
ALARMS = {
    "Environment": "staging",
    "Notifications": "arn:aws:sns:us-east-1:123456789012:myapp-staging-alarms",
    "LoadBalancerName": "app/myapp/1",
    "TargetGroupName": "targetgroup/myapp/1",
    "MinTasks": "2",
    "DatabaseStorage": "20",
    "DatabaseConnections": "60",
}


@pytest.fixture(autouse=True)
def new_account() -> Iterator[None]:
    """Begin each test in an account without stacks and roles."""
    cloudformation.reset()
    iam.reset()
    yield
    cloudformation.reset()
    iam.reset()


def deploy(template: str, **parameters: str) -> str:
    """Create or update the stack of a template in infra/; return its failure, or an empty text."""
    name = f"myapp-staging-{template}"
    request = {"StackName": [name], "Capabilities.member.1": ["CAPABILITY_NAMED_IAM"]}
    request["TemplateBody"] = [(INFRA / f"{template}.yaml").read_text()]
    request |= parameters_of(**parameters)

    async def finish() -> None:
        known = cloudformation._stacks.get(name, {}).get("StackStatus", "DELETE_COMPLETE")
        answer = (_create_stack if known == "DELETE_COMPLETE" else _update_stack)(request)
        assert answer[0] == 200, answer[2]
        await wait_for_stack(name)

    asyncio.run(finish())
    return failure(name)


def parameters_of(**values: str) -> dict[str, list[str]]:
    found = {}
    for number, (key, value) in enumerate(values.items(), 1):
        found[f"Parameters.member.{number}.ParameterKey"] = [key]
        found[f"Parameters.member.{number}.ParameterValue"] = [value]
    return found


async def wait_for_stack(name: str) -> None:
    await asyncio.sleep(0)  # lets the operation begin
    while cloudformation._stacks[name]["StackStatus"].endswith("_IN_PROGRESS"):
        await asyncio.sleep(0.01)


def remove(template: str) -> None:
    """Delete a stack, except resources that its template retains."""
    name = f"myapp-staging-{template}"

    async def finish() -> None:
        _delete_stack({"StackName": [name]})
        await wait_for_stack(name)

    asyncio.run(finish())


def failure(name: str) -> str:
    events = cloudformation._stack_events[cloudformation._stacks[name]["StackId"]]
    failed = [e["ResourceStatusReason"] for e in events if e["ResourceStatus"].endswith("_FAILED")]
    return failed[0] if failed else ""


DELIVERY = {
    "Environment": "staging",
    "ExecutionRoleArn": "arn:aws:iam::123456789012:role/myapp-staging-execution",
    "TaskRoleArn": "arn:aws:iam::123456789012:role/myapp-staging-task",
    "LogGroup": "/ecs/myapp-staging",
    "GitHubSubject": "repo:acme/shop",
}


def service() -> Json:
    found: Json = ecs._services["myapp-staging-cluster/myapp-staging-service"]
    return found


def create_role() -> bytes:
    answer: bytes = iam._create_service_linked_role({"AWSServiceName": "ecs.amazonaws.com"})[2]
    return answer


def test_no_task_starts_before_the_first_deploy() -> None:
    create_role()
    assert deploy("service", **SERVICE) == ""
    assert service()["desiredCount"] == 0


def test_tasks_get_the_certificate_of_the_database_authority() -> None:
    create_role()
    authority = certificates.authority_pem()
    assert deploy("service", **SERVICE, DatabaseCa=authority) == ""
    key = service()["taskDefinition"].rpartition("/")[2]
    (container,) = ecs._task_defs[key]["containerDefinitions"]
    variables = {variable["name"]: variable["value"] for variable in container["environment"]}
    assert variables["DATABASE_CA"].strip() == authority.strip()


def test_a_deployed_service_gets_its_minimum_of_tasks() -> None:
    create_role()
    deploy("service", **SERVICE)
    assert deploy("service", **SERVICE, RunningRevision=service()["taskDefinition"]) == ""
    assert service()["desiredCount"] == 2


def test_a_removed_environment_can_be_created_again() -> None:
    assert deploy("delivery", **DELIVERY) == ""
    remove("delivery")
    ecr.reset()
    assert deploy("delivery", **DELIVERY) == ""


def test_creating_an_environment_again_fails_while_its_old_repository_exists() -> None:
    deploy("delivery", **DELIVERY)
    remove("delivery")
    assert "'myapp-staging' already exists" in deploy("delivery", **DELIVERY)
    assert "myapp-staging" in ecr._repositories


def test_creating_a_cluster_needs_the_service_linked_role() -> None:
    assert "verify that the ECS service linked role exists" in deploy("service", **SERVICE)


def test_the_service_linked_role_is_created_only_once() -> None:
    create_role()
    taken = b"Service role name AWSServiceRoleForECS has been taken in this account"
    assert taken in create_role()


def listeners() -> list[int]:
    return sorted(listener["Port"] for listener in alb._listeners.values())


def test_a_certificate_adds_and_removes_the_https_listener() -> None:
    certificate = "arn:aws:acm:us-east-1:123456789012:certificate/1"
    assert deploy("load-balancer", **BALANCER) == ""
    assert listeners() == [80]
    assert deploy("load-balancer", **BALANCER | {"CertificateArn": certificate}) == ""
    assert listeners() == [80, 443]
    assert deploy("load-balancer", **BALANCER) == ""
    assert listeners() == [80]


def states() -> dict[str, str]:
    """Evaluate every alarm of an environment that has no traffic; return the states by name."""
    for record in cloudwatch._alarms.values():
        alarms.evaluate_alarm(record, time.time())
    names = {name.removeprefix("myapp-staging-"): name for name in cloudwatch._alarms}
    return {name: cloudwatch._alarms[full]["StateValue"] for name, full in names.items()}


def test_alarms_without_data_are_ok() -> None:
    assert deploy("alarms", **ALARMS, Deployed="false") == ""
    assert len(states()) == 6
    assert set(states().values()) == {"OK"}


def test_a_change_set_contains_resources_that_a_condition_adds() -> None:
    deploy("alarms", **ALARMS, Deployed="false")
    request = parameters_of(**ALARMS, Deployed="true") | {"StackName": ["myapp-staging-alarms"]}
    body = (INFRA / "alarms.yaml").read_text()
    changesets._create_change_set(request | {"ChangeSetName": ["more"], "TemplateBody": [body]})
    stack = cloudformation._stacks["myapp-staging-alarms"]["StackId"]
    (found,) = [c for c in cloudformation._change_sets.values() if c["StackId"] == stack]
    changes = [change["ResourceChange"] for change in found["Changes"]]
    assert [(c["Action"], c["LogicalResourceId"]) for c in changes] == [("Add", "FewTasks")]


def test_a_deployed_service_without_healthy_tasks_raises_an_alarm() -> None:
    assert deploy("alarms", **ALARMS, Deployed="true") == ""
    assert states()["few-tasks"] == "ALARM"
