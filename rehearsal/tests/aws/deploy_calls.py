"""The calls of AWS that the deploy jobs make, step by step.

/_rehearsal/permissions of a local AWS shows what was really asked for. What Docker and skopeo ask
of the registry was taken from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

ACCOUNT = "123456789012"
DIGEST = f"sha256:{'0' * 64}"


@dataclass(frozen=True)
class Call:
    """A call of an API; without an operation, a request to the registry."""

    step: str
    service: str = ""
    operation: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    method: str = ""
    path: str = ""

    def __str__(self) -> str:
        return f"{self.step}: {self.operation or f'{self.method} {self.path}'}"


def definition(environment: str) -> dict[str, Any]:
    """Return the definition of a task that a deploy registers."""
    roles = f"arn:aws:iam::{ACCOUNT}:role/myapp-{environment}"
    return {
        "family": f"myapp-{environment}-task",
        "containerDefinitions": [{"name": "myapp", "image": "myapp"}],
        "executionRoleArn": f"{roles}-execution",
        "taskRoleArn": f"{roles}-task",
    }


def pull(step: str, repository: str) -> Iterator[Call]:
    yield Call(step, method="GET", path=f"/v2/{repository}/manifests/{DIGEST}")
    yield Call(step, method="GET", path=f"/v2/{repository}/blobs/{DIGEST}")


def push(step: str, repository: str) -> Iterator[Call]:
    """Yield the calls of a push.

    Buildx also asks the Docker engine for the platform of what it pushed, for which the engine
    reads the image's configuration (ecr:GetDownloadUrlForLayer). Where it may not, the platform
    stays unknown, and the push succeeds.
    """
    blobs = f"/v2/{repository}/blobs"
    yield Call(step, method="HEAD", path=f"/v2/{repository}/manifests/tag")
    yield Call(step, method="HEAD", path=f"{blobs}/{DIGEST}")
    yield Call(step, method="POST", path=f"{blobs}/uploads/")
    yield Call(step, method="PATCH", path=f"{blobs}/uploads/1")
    yield Call(step, method="PUT", path=f"{blobs}/uploads/1")
    yield Call(step, method="PUT", path=f"/v2/{repository}/manifests/tag")


def of_images(environment: str) -> Iterator[Call]:
    yield Call("Login to Amazon ECR", "ecr", "GetAuthorizationToken")
    step = "Find image" if environment == "staging" else "Promote image"
    for name in {"staging", environment}:
        images = {"repositoryName": f"myapp-{name}", "imageIds": [{"imageTag": "tag"}]}
        yield Call(step, "ecr", "DescribeImages", images)
    if environment == "production":
        check, staging = "Check image findings", {"repositoryName": "myapp-staging"}
        image = {"imageTag": "tag"}
        yield Call(check, "ecr", "BatchGetImage", {**staging, "imageIds": [image]})
        yield Call(check, "ecr", "DescribeImageScanFindings", {**staging, "imageId": image})
        yield from pull(step, "myapp-staging")
        yield from push(step, "myapp-production")
    else:
        yield from push("Build, tag, and push image to ECR", "myapp-staging")


def tasks(step: str, environment: str) -> Iterator[Call]:
    """Yield the calls of a task beside the service: a migration, or the record of a rollback."""
    name = f"myapp-{environment}"
    cluster = {"cluster": f"{name}-cluster"}
    log = {"logGroupName": f"/myapp/{environment}", "logStreamName": "myapp/myapp/1"}
    yield Call(step, "ecs", "DescribeServices", {**cluster, "services": [f"{name}-service"]})
    yield Call(step, "ecs", "ListTasks", {**cluster, "family": f"{name}-task"})
    yield Call(step, "ecs", "RunTask", {**cluster, "taskDefinition": f"{name}-task:1"})
    yield Call(step, "ecs", "DescribeTasks", {**cluster, "tasks": ["1"]})
    yield Call(step, "ecs", "StopTask", {**cluster, "task": "1"})
    yield Call(step, "ecs", "DescribeTaskDefinition", {"taskDefinition": f"{name}-task:1"})
    yield Call(step, "logs", "GetLogEvents", log)


def move(step: str, environment: str, revision: str) -> Iterator[Call]:
    name = f"myapp-{environment}"
    service = {"cluster": f"{name}-cluster", "service": f"{name}-service"}
    yield Call(step, "ecs", "UpdateService", {**service, "taskDefinition": revision})


def roll_back(environment: str) -> Iterator[Call]:
    step, name = "Roll back", f"myapp-{environment}"
    service = {"cluster": f"{name}-cluster", "service": f"{name}-service"}
    deployment = (
        f"arn:aws:ecs:us-east-1:{ACCOUNT}:service-deployment/{name}-cluster/{name}-service/1"
    )
    arns = {"serviceDeploymentArns": [deployment]}
    stack = {"StackName": f"{name}-load-balancer"}
    yield Call(step, "ecs", "ListTaskDefinitions", {"familyPrefix": f"{name}-task"})
    yield Call(step, "cloudformation", "DescribeStacks", stack)
    yield Call(step, "ecs", "ListServiceDeployments", service)
    yield Call(step, "ecs", "StopServiceDeployment", {"serviceDeploymentArn": deployment})
    yield Call(step, "ecs", "DescribeServiceDeployments", arns)
    yield from move(step, environment, f"{name}-task:1")
    yield from tasks(step, environment)
    # A failed first deploy returns to the revision that infra/ created.
    yield from move(step, environment, f"{name}-task-base:1")


def calls(environment: str) -> Iterator[Call]:
    """Yield the calls of a deploy to an environment, and of its rollback."""
    name = f"myapp-{environment}"
    yield Call("Configure AWS credentials", "sts", "GetCallerIdentity")
    yield from of_images(environment)
    base = {"taskDefinition": f"{name}-task-base"}
    yield Call("Download task definition", "ecs", "DescribeTaskDefinition", base)
    register = definition(environment)
    yield Call("Register task definition", "ecs", "RegisterTaskDefinition", register)
    yield from tasks("Run database migrations", environment)
    yield from move("Deploy to ECS", environment, f"{name}-task:1")
    figures = {"MetricDataQueries": [], "StartTime": 0, "EndTime": 1}
    yield Call("Watch deployment", "cloudwatch", "GetMetricData", figures)
    yield Call("Watch deployment", "elbv2", "DescribeTargetGroups")
    tag = {
        "resourceArn": f"arn:aws:ecs:us-east-1:{ACCOUNT}:task-definition/{name}-task:1",
        "tags": [{"key": "verified", "value": "now"}],
    }
    yield Call("Mark revision as verified", "ecs", "TagResource", tag)
    yield from roll_back(environment)
