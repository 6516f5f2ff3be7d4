"""The parts of a definition and of a template that reach Docker."""

from __future__ import annotations

import json
import string
from typing import Any

import pytest
from ministack.services import ecs, ssm
from ministack.services.cloudformation import provisioners

from rehearsal.aws.containers import run_options
from rehearsal.aws.records import Json
from rehearsal.aws.templates import WITHOUT_EFFECT, shape, to_api


def options(definition: Json, task: Json | None = None) -> Json:
    return run_options(lambda *words: {"platform": "linux/amd64"}, definition, task or {})


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ({"entryPoint": ["sh"]}, {"entrypoint": ["sh"]}),
        ({"user": "10001:10001"}, {"user": "10001:10001"}),
        ({"workingDirectory": "/app"}, {"working_dir": "/app"}),
        ({"readonlyRootFilesystem": True}, {"read_only": True}),
        ({"memory": 64}, {"mem_limit": "64m", "memswap_limit": "64m"}),
        ({"linuxParameters": {"initProcessEnabled": True}}, {"init": True}),
        (
            {"linuxParameters": {"tmpfs": [{"containerPath": "/tmp", "size": 64}]}},  # noqa: S108
            {"tmpfs": {"/tmp": "rw,size=64m"}},  # noqa: S108
        ),
        ({"linuxParameters": {"capabilities": {"drop": ["ALL"]}}}, {"cap_drop": ["ALL"]}),
        (
            {"ulimits": [{"name": "nofile", "softLimit": 9, "hardLimit": 10}]},
            {"ulimits": [{"Name": "nofile", "Soft": 9, "Hard": 10}]},
        ),
    ],
)
def test_docker_gets_the_options_of_the_definition(definition: Json, expected: Json) -> None:
    found = options(definition)
    assert {name: found[name] for name in expected} == expected


def test_a_tasks_memory_limits_a_container_without_a_limit() -> None:
    assert options({}, {"memory": "1024"})["mem_limit"] == "1024m"


def test_a_health_check_has_the_defaults_of_ecs() -> None:
    found = options({"healthCheck": {"command": ["CMD", "true"], "interval": 10}})["healthcheck"]
    assert found == {
        "test": ["CMD", "true"],
        "interval": 10 * 10**9,
        "timeout": 5 * 10**9,
        "retries": 3,
        "start_period": 0,
    }


def test_the_health_check_of_an_image_is_ignored() -> None:
    assert options({})["healthcheck"] == {"test": ["NONE"]}


def test_an_image_runs_on_the_platform_of_the_machine() -> None:
    assert "platform" not in options({})


def test_a_task_gets_the_plain_text_of_a_secure_parameter() -> None:
    ssm._put_parameter({"Name": "/key", "Value": "plain", "Type": "SecureString"})
    definition = {"secrets": [{"name": "KEY", "valueFrom": "/key"}]}
    assert ecs._resolve_container_secrets(definition) == {"KEY": "plain"}


CONTAINER = {
    "Name": "myapp",
    "Image": "image",
    "Essential": "true",
    "ReadonlyRootFilesystem": True,
    "LinuxParameters": {"Tmpfs": [{"ContainerPath": "/x", "Size": "64"}]},
    "HealthCheck": {"Command": ["CMD", "true"], "StartPeriod": 30},
    "LogConfiguration": {"LogDriver": "awslogs", "Options": {"awslogs-group": "G"}},
    "DockerLabels": {"Some.Label": "Value"},
}


def make_definition() -> Json:
    properties = {
        "Family": "myapp-base",
        "Cpu": 512,
        "RuntimePlatform": {"CpuArchitecture": "X86_64"},
        "ContainerDefinitions": [CONTAINER],
    }
    provisioners._ecs_task_def_create("Task", properties, "stack")
    _, _, body = ecs._describe_task_definition({"taskDefinition": "myapp-base"})
    found: Json = json.loads(body)["taskDefinition"]
    return found


def test_a_task_definition_in_a_template_keeps_all_properties() -> None:
    found = make_definition()
    (container,) = found["containerDefinitions"]
    assert found["runtimePlatform"] == {"cpuArchitecture": "X86_64"}
    assert found["cpu"] == "512"
    assert container["essential"] is True
    assert container["linuxParameters"] == {"tmpfs": [{"containerPath": "/x", "size": 64}]}
    assert container["healthCheck"] == {"command": ["CMD", "true"], "startPeriod": 30}
    assert container["logConfiguration"]["options"] == {"awslogs-group": "G"}
    assert container["dockerLabels"] == {"Some.Label": "Value"}


def make_service(**properties: Any) -> Json:
    make_definition()
    ecs._create_cluster({"clusterName": "c"})
    every = {"Cluster": "c", "ServiceName": "s", "TaskDefinition": "myapp-base", **properties}
    provisioners._ecs_service_create("Service", every, "stack")
    found: Json = ecs._services["c/s"]
    return found


def test_a_service_in_a_template_keeps_its_grace_period_and_alarms() -> None:
    alarms = {"Enable": True, "Rollback": True, "AlarmNames": ["a"]}
    found = make_service(
        DesiredCount="0",
        HealthCheckGracePeriodSeconds="60",
        DeploymentConfiguration={"Alarms": alarms, "MaximumPercent": "150"},
    )
    assert (found["desiredCount"], found["healthCheckGracePeriodSeconds"]) == (0, 60)
    assert found["deploymentConfiguration"] == {
        "alarms": {"enable": True, "rollback": True, "alarmNames": ["a"]},
        "maximumPercent": 150,
    }


def test_an_update_sends_only_changed_properties() -> None:
    found = make_service(DesiredCount=0)
    found["desiredCount"] = 4  # as scaling would
    old = {"Cluster": "c", "DesiredCount": 0, "HealthCheckGracePeriodSeconds": 0}
    new = {"Cluster": "c", "DesiredCount": 0, "HealthCheckGracePeriodSeconds": 30}
    provisioners._ecs_service_update(found["serviceArn"], old, new, "stack")
    assert (found["desiredCount"], found["healthCheckGracePeriodSeconds"]) == (4, 30)


def test_the_api_does_not_get_unknown_parameters() -> None:
    wanted = shape("CreateService")
    assert to_api({"ServiceName": "s", "Unknown": 1, "TaskDefinition": None}, wanted) == {
        "serviceName": "s"
    }


def test_a_generated_secret_can_exclude_punctuation() -> None:
    generate = {"PasswordLength": 200, "ExcludePunctuation": True}
    found = provisioners._sm_secret_string({"GenerateSecretString": generate})
    assert len(found) == 200
    assert not set(found) & set(string.punctuation)


def test_a_template_refers_to_a_secret_by_its_arn() -> None:
    handler = provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"]
    arn, attributes = handler["create"]("Key", {"Name": "key", "SecretString": "x"}, "stack")
    assert arn == attributes["Arn"]
    assert arn.startswith("arn:aws:secretsmanager:us-east-1:123456789012:secret:key-")
    definition = {"secrets": [{"name": "KEY", "valueFrom": arn}]}
    assert ecs._resolve_container_secrets(definition) == {"KEY": "x"}
    new = {"Name": "key", "SecretString": "y"}
    assert handler["update"](arn, {"Name": "key", "SecretString": "x"}, new, "stack")[0] == arn
    assert ecs._resolve_container_secrets(definition) == {"KEY": "y"}
    handler["delete"](arn, new)
    assert "key" not in provisioners._sm._secrets


@pytest.mark.parametrize("kind", WITHOUT_EFFECT)
def test_a_resource_without_effect_is_accepted(kind: str) -> None:
    name, _ = provisioners._RESOURCE_HANDLERS[kind]["create"]("Scaling", {}, "stack")
    assert name == "stack-Scaling"
