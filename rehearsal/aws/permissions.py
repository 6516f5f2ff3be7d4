"""The permissions that a call of AWS needs: for each, an action, a resource and condition keys.

It has the operations that deploys use, as the Service Authorization Reference describes them:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
and its pages on ECR, CloudWatch, CloudWatch Logs, CloudFormation and Elastic Load Balancing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from botocore.exceptions import BotoCoreError
from botocore.model import OperationNotFoundError
from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudformation, ecs

from rehearsal.aws.records import Json
from rehearsal.aws.templates import shape

# The values of condition keys; None if AWS has the key for an action, but the request has no value.
Context = Mapping[str, str | None]


@dataclass(frozen=True)
class Permission:
    """One permission: what a policy must allow."""

    action: str
    resource: str = "*"
    context: Context = field(default_factory=dict)


Needs = Callable[[str, Json], Iterator[Permission]]


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{get_region()}:{get_account_id()}:{resource}"


def everything(action: str, request: Json) -> Iterator[Permission]:
    """Yield the permission for an action that IAM cannot limit to a resource."""
    yield Permission(action)


def cluster(request: Json) -> str:
    return str(request.get("cluster") or "default").rpartition("/")[2]


def cluster_condition(request: Json) -> Context:
    return {"ecs:cluster": arn("ecs", f"cluster/{cluster(request)}")}


def in_cluster(kind: str, member: str) -> Needs:
    """Return the permissions of an action on the resources that a request's member names."""

    def needs(action: str, request: Json) -> Iterator[Permission]:
        named, condition = request.get(member) or [], cluster_condition(request)
        for name in [named] if isinstance(named, str) else named:
            short = f"{kind}/{cluster(request)}/{name.rpartition('/')[2]}"
            yield Permission(action, name if "arn:" in name else arn("ecs", short), condition)

    return needs


def list_tasks(action: str, request: Json) -> Iterator[Permission]:
    """Yield the permission to list tasks, which only a condition on the cluster can limit."""
    yield Permission(action, context=cluster_condition(request))


def pass_roles(*given: Json) -> Iterator[Permission]:
    """Yield the permissions to pass a task its roles; the last argument with a role counts.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
    """
    for member in ("executionRoleArn", "taskRoleArn"):
        roles = [one[member] for one in given if one.get(member)]
        for role in roles[-1:]:
            whole = role if "arn:" in role else f"arn:aws:iam::{get_account_id()}:role/{role}"
            context = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
            yield Permission("iam:PassRole", whole, context)


def tag_at_creation(action: str, request: Json, resource: str) -> Iterator[Permission]:
    """Yield the permission to tag a resource in the call that creates it.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/supported-iam-actions-tagging.html
    """
    if request.get("tags"):
        context = {"ecs:CreateAction": action.partition(":")[2]}
        yield Permission("ecs:TagResource", resource, context)


def register_task_definition(action: str, request: Json) -> Iterator[Permission]:
    family = arn("ecs", f"task-definition/{request.get('family', '')}:*")
    yield Permission(action, family)
    yield from tag_at_creation(action, request, family)
    yield from pass_roles(request)


def definition_key(request: Json) -> str:
    return str(ecs._resolve_td_key(request.get("taskDefinition") or "") or "")


def run_task(action: str, request: Json) -> Iterator[Permission]:
    key = definition_key(request)
    definition = arn("ecs", f"task-definition/{key}")
    yield Permission(action, definition, cluster_condition(request))
    yield from tag_at_creation(action, request, arn("ecs", f"task/{cluster(request)}/*"))
    yield from pass_roles(ecs._task_defs.get(key) or {}, request.get("overrides") or {})


def update_service(action: str, request: Json) -> Iterator[Permission]:
    """Yield the permissions to update a service; ECS reads its alarms as the caller."""
    key = definition_key(request)
    definition = {"ecs:task-definition": arn("ecs", f"task-definition/{key}") if key else None}
    for found in in_cluster("service", "service")(action, request):
        yield Permission(action, found.resource, {**found.context, **definition})
    name = str(request.get("service", "")).rpartition("/")[2]
    service = ecs._services.get(f"{cluster(request)}/{name}") or {}
    settings = request.get("deploymentConfiguration") or service.get("deploymentConfiguration")
    alarms = (settings or {}).get("alarms") or {}
    for alarm in alarms.get("alarmNames", []) if alarms.get("enable") else []:
        yield Permission("cloudwatch:DescribeAlarms", arn("cloudwatch", f"alarm:{alarm}"))


def of_repository(action: str, request: Json) -> Iterator[Permission]:
    yield Permission(action, arn("ecr", f"repository/{request.get('repositoryName', '')}"))


def describe_alarms(action: str, request: Json) -> Iterator[Permission]:
    for name in request.get("AlarmNames") or ["*"]:
        yield Permission(action, arn("cloudwatch", f"alarm:{name}"))


def get_log_events(action: str, request: Json) -> Iterator[Permission]:
    stream = f"log-group:{request.get('logGroupName')}:log-stream:{request.get('logStreamName')}"
    yield Permission(action, arn("logs", stream))


def describe_stacks(action: str, request: Json) -> Iterator[Permission]:
    name = request.get("StackName") or "*"
    stack = cloudformation._stacks.get(name) or {}
    yield Permission(action, stack.get("StackId") or arn("cloudformation", f"stack/{name}/*"))


def tag_resource(action: str, request: Json) -> Iterator[Permission]:
    yield Permission(action, request.get("resourceArn", ""), {"ecs:CreateAction": None})


NEEDS: dict[str, Needs] = {
    "cloudformation:DescribeStacks": describe_stacks,
    "cloudwatch:DescribeAlarms": describe_alarms,
    "cloudwatch:GetMetricData": everything,
    "ecr:GetAuthorizationToken": everything,
    "ecs:DescribeServiceDeployments": in_cluster("service-deployment", "serviceDeploymentArns"),
    "ecs:DescribeServices": in_cluster("service", "services"),
    "ecs:DescribeTaskDefinition": everything,
    "ecs:DescribeTasks": in_cluster("task", "tasks"),
    "ecs:ListServiceDeployments": in_cluster("service", "service"),
    "ecs:ListTaskDefinitions": everything,
    "ecs:ListTasks": list_tasks,
    "ecs:RegisterTaskDefinition": register_task_definition,
    "ecs:RunTask": run_task,
    "ecs:StopServiceDeployment": in_cluster("service-deployment", "serviceDeploymentArn"),
    "ecs:StopTask": in_cluster("task", "task"),
    "ecs:TagResource": tag_resource,
    "ecs:UpdateService": update_service,
    "elasticloadbalancing:DescribeTargetGroups": everything,
    "logs:GetLogEvents": get_log_events,
    "sts:GetCallerIdentity": everything,
}


def needed(action: str, request: Json) -> list[Permission]:
    """Return the permissions that a call needs; empty if the call is unknown."""
    needs = NEEDS.get(action)
    service, _, operation = action.partition(":")
    if not needs and service == "ecr" and is_of_repository(operation):
        needs = of_repository
    return list(needs(action, request)) if needs else []


def is_of_repository(operation: str) -> bool:
    """Return whether botocore knows an operation of ECR that names a repository."""
    try:
        members: Json = shape(operation, "ecr").members
    except (BotoCoreError, OperationNotFoundError):
        return False
    return "repositoryName" in members
