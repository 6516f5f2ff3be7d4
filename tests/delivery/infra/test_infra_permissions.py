"""The permissions of the roles in infra/."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.delivery.cloudformation import TEMPLATES, Resolver

ENVIRONMENTS = ("staging", "production")
# The actions that IAM can't narrow to a resource.
UNNARROWABLE = {
    "cloudwatch:GetMetricData",
    "ecr:GetAuthorizationToken",
    "ecs:DescribeTaskDefinition",
    "ecs:ListTaskDefinitions",
    "ecs:ListTasks",  # of container instances, which Fargate has not; the cluster is a condition
    "elasticloadbalancing:DescribeTargetGroups",
}


def statements(environment: str) -> Iterator[dict[str, Any]]:
    service = Resolver("service", environment)
    for role in ("ExecutionRole", "TaskRole"):
        for policy in service.resource(role).get("Policies", []):
            yield from policy["PolicyDocument"]["Statement"]
    delivery = Resolver("delivery", environment)
    yield from filter(None, delivery.resource("DeployPolicy")["PolicyDocument"]["Statement"])


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("subject", ["repo:acme/shop", "repo:acme@1/shop@2"])
def test_only_jobs_of_its_environment_get_the_deploy_role(environment: str, subject: str) -> None:
    delivery = Resolver("delivery", environment, GitHubSubject=subject)
    (statement,) = delivery.resource("DeployRole")["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    issuer = "token.actions.githubusercontent.com"
    assert statement["Condition"] == {
        "StringEquals": {
            f"{issuer}:aud": "sts.amazonaws.com",
            f"{issuer}:sub": f"{subject}:environment:{environment}",
        }
    }


@pytest.mark.parametrize(
    "subject", ["acme/shop", "repo:acme/*", "repo:acme/shop:*", "repo:acme/shop:ref:refs/heads/x"]
)
def test_a_subject_names_one_repository(subject: str) -> None:
    pattern = TEMPLATES["delivery"]["Parameters"]["GitHubSubject"]["AllowedPattern"]
    assert not re.search(pattern, subject)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_permission_is_wider_than_necessary(environment: str) -> None:
    for statement in statements(environment):
        actions = set(as_list(statement["Action"]))
        assert not any("*" in action for action in actions)
        if "*" in as_list(statement["Resource"]):
            assert actions <= UNNARROWABLE


def test_staging_can_not_touch_production() -> None:
    assert "production" not in json.dumps(list(statements("staging")))


def test_production_may_only_read_the_images_of_staging() -> None:
    (reads,) = [s for s in statements("production") if s.get("Sid") == "PullFromStaging"]
    assert all(re.match("ecr:(Batch)?(Get|Check|Describe)", action) for action in reads["Action"])


def test_a_task_starts_with_the_secrets_that_it_reads_and_no_others() -> None:
    (reads,) = [s for s in statements("staging") if s["Action"] == "secretsmanager:GetSecretValue"]
    (task,) = Resolver("service", "staging").resource("TaskDefinition")["ContainerDefinitions"]
    assert sorted(reads["Resource"]) == sorted(secret["ValueFrom"] for secret in task["Secrets"])


def test_roles_are_passed_to_tasks_only() -> None:
    (passed,) = [s for s in statements("staging") if s["Action"] == "iam:PassRole"]
    assert passed["Condition"] == {
        "StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_deploy_moves_its_services_to_its_own_families_only(environment: str) -> None:
    (move,) = [s for s in statements(environment) if "ecs:UpdateService" in as_list(s["Action"])]
    families = [
        f"arn:aws:ecs:us-east-1:123456789012:task-definition/myapp-{environment}-{name}:*"
        for name in ("task", "task-base", "worker", "worker-base")
    ]
    assert move["Condition"] == {"ArnLike": {"ecs:task-definition": families}}
    assert move["Action"] == "ecs:UpdateService"
