"""The parts of ministack's records that this package reads and writes; the names are AWS's.

ministack leaves names with a leading _ out of its answers.
"""

from __future__ import annotations

from typing import Any, TypedDict

# JSON of an API call or a template.
Json = dict[str, Any]
# The answer of ministack's handlers: status, headers, body.
Answer = tuple[int, dict[str, Any], Any]


class Container(TypedDict, total=False):
    name: str
    image: str
    lastStatus: str
    healthStatus: str
    exitCode: int
    reason: str


class Task(TypedDict, total=False):
    taskArn: str
    clusterArn: str
    taskDefinitionArn: str
    group: str
    lastStatus: str
    desiredStatus: str
    healthStatus: str
    createdAt: str
    stoppingAt: str
    stoppedAt: str
    executionStoppedAt: str
    stoppedReason: str
    stopCode: str
    containers: list[Container]
    _docker_ids: list[str]
    _container_ip: str
    _container_essentials: list[bool]
    _deployment_id: str
    _started: float
    _healthy: bool


class Deployment(TypedDict, total=False):
    id: str
    status: str
    taskDefinition: str
    desiredCount: int
    runningCount: int
    pendingCount: int
    failedTasks: int
    rolloutState: str
    rolloutStateReason: str
    updatedAt: str
    _healthy_since: float
    _ignored_alarms: list[str]
    _returns: bool


class Service(TypedDict, total=False):
    serviceName: str
    serviceArn: str
    clusterArn: str
    status: str
    desiredCount: int
    taskDefinition: str
    launchType: str
    loadBalancers: list[Json]
    deploymentConfiguration: Json
    deployments: list[Deployment]
    events: list[Json]
    healthCheckGracePeriodSeconds: int
    _last_completed: str
    _given_up: list[str]
    _failures: int
    _not_before: float


class TargetGroup(TypedDict, total=False):
    TargetGroupArn: str
    TargetGroupName: str
    TargetType: str
    Port: int
    HealthCheckEnabled: bool
    HealthCheckPath: str
    HealthCheckPort: str
    HealthCheckIntervalSeconds: int
    HealthCheckTimeoutSeconds: int
    HealthyThresholdCount: int
    UnhealthyThresholdCount: int
    Matcher: dict[str, str]


class Target(TypedDict, total=False):
    Id: str
    Port: int


def short(arn: str) -> str:
    """Return the last part of an ARN: the id of a task, or a revision."""
    return arn.rpartition("/")[2]
