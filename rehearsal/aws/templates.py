"""CloudFormation's resources of infra/ that ministack drops or does not know."""

from __future__ import annotations

import functools
import secrets
import string
from collections.abc import Callable
from typing import Any

from botocore import loaders, model
from ministack.services import ecr, ecs, iam
from ministack.services.cloudformation import changesets, engine, provisioners

from rehearsal.aws import scaling
from rehearsal.aws.patches import replaces
from rehearsal.aws.records import Json

Created = tuple[str, Json]
SERVICE_ROLE = "AWSServiceRoleForECS"
# Part of the stack, but without effect here: nothing scales, and no packet is filtered.
WITHOUT_EFFECT = (
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::EC2::EIP",
    "AWS::EC2::NatGateway",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
)


@functools.cache
def shape(operation: str, service: str = "ecs") -> model.Shape:
    """Return botocore's description of an operation's input."""
    description = loaders.Loader().load_service_model(service, "service-2")
    return model.ServiceModel(description, service).operation_model(operation).input_shape


def to_api(properties: Any, wanted: Any) -> Any:
    """Return a resource's properties as parameters of the API, without unknown ones.

    In a template, names begin with a capital and parameters are text. The keys of a map are data.
    """
    if wanted.type_name == "structure" and isinstance(properties, dict):
        names = {name.lower(): name for name in wanted.members}
        known = {names[k.lower()]: v for k, v in properties.items() if k.lower() in names}
        return {k: to_api(v, wanted.members[k]) for k, v in known.items() if v is not None}
    if wanted.type_name == "list" and isinstance(properties, list):
        return [to_api(one, wanted.member) for one in properties]
    if wanted.type_name == "map" and isinstance(properties, dict):
        return {key: to_api(value, wanted.value) for key, value in properties.items()}
    if wanted.type_name in ("integer", "long"):
        return int(properties)
    if wanted.type_name in ("float", "double"):
        return float(properties)
    if wanted.type_name == "boolean":
        return str(properties).lower() == "true"
    return str(properties) if isinstance(properties, (int, float)) else properties


def call(handler: Callable[[Json], tuple[int, Json, bytes]], request: Json, what: str) -> None:
    status, _, body = handler(request)
    if status >= 400:
        raise ValueError(f"{what}: {body.decode()}")


@replaces(iam, "_create_service_linked_role")
def service_linked_role(original: Callable[[Json], tuple[int, Json, bytes]], request: Json) -> Any:
    """AWS gives ECS's role a different name, and refuses a second one with a different message."""
    if request["AWSServiceName"] not in ("ecs.amazonaws.com", ["ecs.amazonaws.com"]):
        return original(request)
    if SERVICE_ROLE in iam._roles:
        taken = f"Service role name {SERVICE_ROLE} has been taken in this account"
        return iam._error(400, "InvalidInput", f"{taken}, please try a different suffix.", ns="iam")
    status, headers, body = original(request)
    role = iam._roles.pop("AWSServiceRoleForEcs")
    arn = role["Arn"].replace(role["RoleName"], SERVICE_ROLE)
    iam._roles[SERVICE_ROLE] = {**role, "RoleName": SERVICE_ROLE, "Arn": arn}
    return status, headers, body.replace(b"AWSServiceRoleForEcs", SERVICE_ROLE.encode())


@replaces(provisioners, "_ecs_cluster_create")
def cluster(
    original: Callable[..., Created], logical: str, properties: Json, stack: str
) -> Created:
    """In an account without ECS's role, AWS creates it and fails once; ministack needs no role.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using-service-linked-roles.html
    """
    if SERVICE_ROLE not in iam._roles:
        iam._create_service_linked_role({"AWSServiceName": "ecs.amazonaws.com"})
        raise ValueError(
            "Invalid request provided: CreateCluster Invalid Request: Unable to assume the service"
            " linked role. Please verify that the ECS service linked role exists."
        )
    return original(logical, properties, stack)


@replaces(changesets, "_resolve_props_for_diff")
def resources_to_compare(
    original: Callable[..., Json], template: Json, parameters: Json, *words: Any
) -> Json:
    """AWS compares the resources whose conditions are true; ministack compares all resources.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-condition.html
    """
    resolved = original(template, parameters, *words)
    holds = engine._evaluate_conditions(template, parameters)
    made = {
        name: resource
        for name, resource in resolved.get("Resources", {}).items()
        if holds.get(resource.get("Condition"), True)
    }
    return {**resolved, "Resources": made}


@replaces(provisioners, "_ecr_repo_create")
def repository(
    original: Callable[..., Created], logical: str, properties: Json, stack: str
) -> Created:
    """AWS refuses a repository whose name exists; ministack moves the existing one to the stack.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
    """
    name = properties.get("RepositoryName")
    if name in ecr._repositories:
        raise ValueError(f"The repository with name '{name}' already exists in the registry")
    return original(logical, properties, stack)


@replaces(provisioners, "_ecs_task_def_create")
def task_definition(
    original: Callable[..., Created], logical: str, properties: Json, stack: str
) -> Created:
    """AWS uses every property; ministack drops RuntimePlatform and nested properties.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-taskdefinition.html
    """
    request = to_api(properties, shape("RegisterTaskDefinition"))
    request.setdefault("family", f"{stack}-{logical}")
    call(ecs._register_task_definition, request, "AWS::ECS::TaskDefinition")
    key = f"{request['family']}:{ecs._task_def_latest[request['family']]}"
    arn = ecs._task_defs[key]["taskDefinitionArn"]
    return arn, {"TaskDefinitionArn": arn}


@replaces(provisioners, "_ecs_service_create")
def service(
    original: Callable[..., Created], logical: str, properties: Json, stack: str
) -> Created:
    """AWS uses every property; ministack drops HealthCheckGracePeriodSeconds and others.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-service.html
    """
    request = to_api(properties, shape("CreateService"))
    request.setdefault("serviceName", f"{stack}-{logical}")
    request.setdefault("desiredCount", 1)
    call(ecs._create_service, request, "AWS::ECS::Service")
    made = ecs._services[f"{request.get('cluster', 'default')}/{request['serviceName']}"]
    return made["serviceArn"], {"ServiceArn": made["serviceArn"], "Name": made["serviceName"]}


@replaces(provisioners, "_ecs_service_update")
def updated_service(
    original: Callable[..., Created], physical: str, old: Json, new: Json, stack: str
) -> Created:
    """Send only the changed properties: a deploy or scaling may have set the others since."""
    before, after = (to_api(p, shape("UpdateService")) for p in (old, new))
    request = {k: v for k, v in after.items() if before.get(k) != v}
    name = physical.rpartition("/")[2]
    request |= {"service": name, "cluster": new.get("Cluster", "default")}
    call(ecs._update_service, request, "AWS::ECS::Service")
    if new.get("Tags") != old.get("Tags"):
        ecs._tags[physical] = [{"key": t["Key"], "value": t["Value"]} for t in new.get("Tags", [])]
    return physical, {"ServiceArn": physical, "Name": name}


@replaces(provisioners, "_sm_secret_string")
def secret_string(original: Callable[[Json], str], properties: Json) -> str:
    """AWS can exclude all punctuation; ministack can exclude only given characters.

    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetRandomPassword.html
    """
    generate = dict(properties.get("GenerateSecretString") or {})
    if str(generate.get("ExcludePunctuation", "")).lower() == "true":
        generate["ExcludeCharacters"] = generate.get("ExcludeCharacters", "") + string.punctuation
    plain = {"SecretStringTemplate", "GenerateStringKey"}.isdisjoint(generate)
    if generate and plain and not properties.get("SecretString"):
        every = string.ascii_letters + string.digits + string.punctuation
        usable = [c for c in every if c not in generate.get("ExcludeCharacters", "")]
        length = int(generate.get("PasswordLength", 32))
        return "".join(secrets.choice(usable) for _ in range(length))
    return original({**properties, "GenerateSecretString": generate} if generate else properties)


def by_arn(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Let a handler of secrets accept and return ARNs, like AWS's Ref; ministack's returns a name.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-secret.html
    """

    @functools.wraps(handler)
    def handle(identifier: str, *words: Any, **named: Any) -> Any:
        names = {record["ARN"]: name for name, record in provisioners._sm._secrets.items()}
        answer = handler(names.get(identifier, identifier), *words, **named)
        return (answer[1]["Arn"], answer[1]) if answer else answer

    return handle


def stand_in_create(logical: str, properties: Json, stack: str) -> Created:
    name = f"{stack}-{logical}"
    return name, {"Arn": name, "AllocationId": name, "NatGatewayId": name}


def keep(physical: str, old: Json, new: Json, stack: str) -> Created:
    return physical, {"Arn": physical}


def remove(physical: str, properties: Json) -> None:
    """Do nothing: there is nothing to remove."""


def add_types() -> None:
    """Add the types to CloudFormation that infra/ needs and ministack lacks."""
    handlers: dict[str, dict[str, Callable[..., Any]]] = provisioners._RESOURCE_HANDLERS
    for name in WITHOUT_EFFECT:
        handlers[name] = {"create": stand_in_create, "update": keep, "delete": remove}
    handlers["AWS::ApplicationAutoScaling::ScalableTarget"] = {
        "create": scaling.register,
        "update": scaling.update,
        "delete": remove,
    }
    secret = handlers["AWS::SecretsManager::Secret"]
    handlers["AWS::SecretsManager::Secret"] = {
        step: by_arn(handler) if callable(handler) else handler for step, handler in secret.items()
    }
