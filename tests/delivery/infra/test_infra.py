"""The templates in infra/: their resources and properties."""

import importlib
import json
import os
import re
import sys
from inspect import signature
from pathlib import Path
from typing import Any

import botocore.session
import botocore.validate
import pytest

from delivery.aws.database_password import PasswordRotation
from delivery.deploy.rollback import roll_back
from tests.delivery.cloudformation import TEMPLATES, Resolver

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENTS = ("staging", "production")


def container(environment: str = "staging", **values: str) -> dict[str, Any]:
    definition = Resolver("service", environment, **values).resource("TaskDefinition")
    (found,) = definition["ContainerDefinitions"]
    return dict(found)


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_parameter_and_output_has_a_description(name: str) -> None:
    template = TEMPLATES[name]
    for part in (*template["Parameters"].values(), *template.get("Outputs", {}).values()):
        assert part["Description"].endswith(".")
    assert not any("Export" in output for output in template.get("Outputs", {}).values())


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_resources_have_the_names_that_the_workflows_use(environment: str) -> None:
    service = Resolver("service", environment)
    assert service.resource("Cluster")["ClusterName"] == f"myapp-{environment}-cluster"
    assert service.resource("Service")["ServiceName"] == f"myapp-{environment}-service"
    assert service.resource("TaskDefinition")["Family"] == f"myapp-{environment}-task-base"
    repository = Resolver("delivery", environment).resource("Repository")
    assert repository["RepositoryName"] == f"myapp-{environment}"
    assert container(environment)["Name"] == "myapp"


def test_tags_are_immutable_and_tagged_images_never_expire() -> None:
    repository = Resolver("delivery", "staging").resource("Repository")
    assert repository["ImageTagMutability"] == "IMMUTABLE"
    assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}
    rules = json.loads(repository["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
    assert [rule["selection"]["tagStatus"] for rule in rules] == ["untagged"]


def test_secrets_reach_a_task_by_reference_only() -> None:
    task = container()
    secrets = {secret["Name"]: secret["ValueFrom"] for secret in task["Secrets"]}
    assert secrets.keys() >= {"SECRET_KEY", "DATABASE_URL"}
    assert all(reference.endswith("Arn-value") for reference in secrets.values())
    assert not secrets.keys() & {variable["Name"] for variable in task["Environment"]}


def test_no_template_holds_a_password() -> None:
    data = Resolver("data", "staging")
    reference = "{{resolve:secretsmanager:DatabasePassword}}"
    assert data.resource("Database")["MasterUserPassword"] == reference
    assert f"mysql://app:{reference}@" in data.resource("DatabaseUrl")["SecretString"]
    assert not any(
        "SecretString" in TEMPLATES["data"]["Resources"][name]["Properties"]
        for name in ("SecretKey", "DatabasePassword")
    )


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_ecs_accepts_the_task_definition(environment: str) -> None:
    def camel(node: Any) -> Any:
        if isinstance(node, list):
            return [camel(item) for item in node]
        if isinstance(node, dict):
            return {
                name[0].lower() + name[1:]: value if name == "Options" else camel(value)
                for name, value in node.items()
            }
        return node

    shape = botocore.session.get_session().get_service_model("ecs")
    request = shape.operation_model("RegisterTaskDefinition").input_shape
    definition = camel(Resolver("service", environment).resource("TaskDefinition"))
    report = botocore.validate.ParamValidator().validate(definition, request)
    assert not report.has_errors(), report.generate_report()


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_size_of_the_tasks_is_valid_on_fargate(environment: str) -> None:
    values = Resolver("service", environment).values
    cpu, memory = int(values["TaskCpu"]), int(values["TaskMemory"])
    assert 2 * cpu <= memory <= 8 * cpu
    assert memory % 1024 == 0


def test_running_requests_finish_before_a_task_is_killed() -> None:
    settings = (ROOT / "gunicorn.conf.py").read_text()
    seconds = {name: int(value) for name, value in re.findall(r"^(\w+) = (\d+)$", settings, re.M)}
    assert seconds["graceful_timeout"] < container()["StopTimeout"] <= 120
    balancer = Resolver("load-balancer", "staging")
    attributes = balancer.resource("LoadBalancer")["LoadBalancerAttributes"]
    idle = {pair["Key"]: pair["Value"] for pair in attributes}["idle_timeout.timeout_seconds"]
    assert int(idle) < seconds["keepalive"]


def test_a_task_is_not_root_and_writes_only_to_tmp() -> None:
    task = container()
    assert task["User"] == "10001:10001"
    assert task["ReadonlyRootFilesystem"] is True
    assert task["LinuxParameters"]["InitProcessEnabled"] is True
    (mount,) = task["LinuxParameters"]["Tmpfs"]
    assert mount["ContainerPath"] == "/tmp"  # noqa: S108


def test_health_checks_request_liveness() -> None:
    assert "/health/live/" in container()["HealthCheck"]["Command"][-1]
    target = Resolver("load-balancer", "staging").resource("TargetGroup")
    assert target["HealthCheckPath"] == "/health/live/"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("https", ["true", "false"])
def test_production_settings_start_with_the_variables_of_a_task(
    environment: str, https: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = container(
        environment, Https=https, AllowedHosts="example.com", RedisUrl="rediss://cache:6379/0"
    )
    variables = {variable["Name"]: variable["Value"] for variable in task["Environment"]}
    names = variables.keys() | {secret["Name"] for secret in task["Secrets"]}
    example = (ROOT / ".env.example").read_text()
    assert names <= set(re.findall(r"^#?([A-Z_]+)=", example, re.M))
    secrets = {
        "SECRET_KEY": "0123456789" * 6,
        "DATABASE_URL": "mysql://a:b@c:3306/d?ssl_mode=REQUIRED",
    }
    for name in os.environ:
        monkeypatch.delenv(name)
    for name, value in {**variables, **secrets}.items():
        monkeypatch.setenv(name, value)
    for name in [name for name in sys.modules if name.startswith("myproject.settings")]:
        monkeypatch.delitem(sys.modules, name)
    production = importlib.import_module("myproject.settings.production")
    assert environment == production.APP_ENVIRONMENT
    assert production.SECURE_SSL_REDIRECT is (https == "true")


def test_tasks_allow_the_domain_and_the_load_balancers_own_name() -> None:
    balancer = Resolver("load-balancer", "staging", DomainName="www.example.com")
    hosts = balancer.work_out(TEMPLATES["load-balancer"]["Outputs"]["AllowedHosts"]["Value"])
    assert hosts == "www.example.com,LoadBalancer.DNSName"


def test_only_the_load_balancer_writes_to_the_bucket_of_its_log() -> None:
    balancer = Resolver("load-balancer", "staging")
    attributes = balancer.resource("LoadBalancer")["LoadBalancerAttributes"]
    values = {pair["Key"]: pair["Value"] for pair in attributes}
    assert values["access_logs.s3.enabled"] == "true"
    assert values["access_logs.s3.bucket"] == "AccessLogs-ref"
    (statement,) = balancer.resource("AccessLogsPolicy")["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}
    assert balancer.template["Resources"]["LoadBalancer"]["DependsOn"] == "AccessLogsPolicy"
    public = balancer.resource("AccessLogs")["PublicAccessBlockConfiguration"]
    assert len(public) == 4 and all(public.values())


def test_plain_http_redirects_to_the_domain_only_with_https() -> None:
    balancer = Resolver("load-balancer", "staging", DomainName="www.example.com")
    assert balancer.resource("HttpListener")["DefaultActions"][0]["Type"] == "forward"
    (action,) = balancer.resource("Redirect")["Actions"]
    assert action["RedirectConfig"]["Host"] == "www.example.com"
    redirect, listener = (
        balancer.template["Resources"][name] for name in ("Redirect", "HttpsListener")
    )
    assert redirect["DependsOn"] == "HttpsListener"
    assert redirect["Condition"] == listener["Condition"]


def test_no_task_runs_before_the_first_deploy_and_later_the_running_revision_stays() -> None:
    before = Resolver("service", "staging").resource("Service")
    assert (before["DesiredCount"], before["TaskDefinition"]) == (0, "TaskDefinition-ref")
    after = Resolver("service", "staging", RunningRevision="task:7").resource("Service")
    assert after["TaskDefinition"] == "task:7"
    assert "DesiredCount" not in after


def test_scaling_removes_no_task_before_it_knows_the_minimum() -> None:
    def scaling(**values: str) -> tuple[object, object]:
        service = Resolver("service", "staging", **values)
        tracking = service.resource("ScaleWithCpu")["TargetTrackingScalingPolicyConfiguration"]
        return service.resource("Scaling")["MinCapacity"], tracking["DisableScaleIn"]

    assert scaling() == (0, True)
    assert scaling(RunningRevision="task:7") == ("2", False)


def test_a_bad_deployment_rolls_back() -> None:
    configuration = Resolver("service", "staging").resource("Service")["DeploymentConfiguration"]
    assert configuration["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    assert configuration["Alarms"]["Enable"] and configuration["Alarms"]["Rollback"]
    assert configuration["Alarms"]["AlarmNames"] == "RollbackAlarms-value"
    assert TEMPLATES["monitoring"]["Outputs"]["RollbackAlarms"]["Value"] == {
        "Sub": "${ErrorsAbove5Percent},${UnhealthyTargets}"
    }


@pytest.mark.parametrize(
    ("alarm", "threshold", "minutes"),
    [
        ("ErrorsAbove5Percent", 5, 5),
        ("ErrorsAbove1Percent", 1, 5),
        ("SlowAnswers", 0.5, 5),
        ("UnhealthyTargets", 0, 2),
    ],
)
def test_alarms_are_those_of_the_guide(alarm: str, threshold: float, minutes: int) -> None:
    found = Resolver("monitoring", "staging").resource(alarm)
    assert (found["Threshold"], found["DatapointsToAlarm"]) == (threshold, minutes)
    # Three minutes of a load balancer's figures may not be published yet.
    assert found["EvaluationPeriods"] == minutes + 3
    assert found["AlarmActions"] == ["Notifications-ref"]


def test_each_time_limit_of_a_deployment_includes_its_bake_time() -> None:
    """ECS computes the bake time from the alarms; ten minutes are for the tasks."""
    names = ("ErrorsAbove5Percent", "UnhealthyTargets")
    alarms = [Resolver("monitoring", "staging").resource(name) for name in names]
    bake = 60 * max(alarm["EvaluationPeriods"] for alarm in alarms)
    for default in (signature(roll_back).parameters["seconds"].default, PasswordRotation.seconds):
        assert default >= 600 + bake


def test_every_alarm_notifies_and_describes_its_condition() -> None:
    for template in ("monitoring", "alarms"):
        for name, resource in TEMPLATES[template]["Resources"].items():
            if resource["Type"] == "AWS::CloudWatch::Alarm":
                alarm = Resolver(template, "staging").resource(name)
                assert alarm["AlarmActions"] == alarm["OKActions"]
                assert alarm["AlarmDescription"].endswith(".")


def test_too_few_tasks_notify_after_the_first_deploy() -> None:
    alarm = Resolver("alarms", "production").resource("FewTasks")
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", "2")
    assert alarm["TreatMissingData"] == "breaching"
    assert TEMPLATES["alarms"]["Resources"]["FewTasks"]["Condition"] == "IsDeployed"
    assert not Resolver("alarms", "production", Deployed="false").holds("IsDeployed")


def test_the_limit_for_free_storage_is_in_bytes() -> None:
    alarm = Resolver("alarms", "staging", DatabaseStorage="20").resource("DatabaseStorageLow")
    assert int(alarm["Threshold"]) == 20e9 / 10


def test_the_dashboard_is_json_and_shows_every_alarm() -> None:
    monitoring = Resolver("monitoring", "staging")
    widgets = json.loads(monitoring.resource("Dashboard")["DashboardBody"])["widgets"]
    alarms = [
        n for n, r in TEMPLATES["monitoring"]["Resources"].items() if r["Type"].endswith("::Alarm")
    ]
    assert sorted(widgets[0]["properties"]["alarms"]) == sorted(f"{name}.Arn" for name in alarms)


def test_paid_extended_support_of_mysql_is_off() -> None:
    database = Resolver("data", "staging").resource("Database")
    assert database["EngineLifecycleSupport"] == "open-source-rds-extended-support-disabled"


def test_production_survives_the_loss_of_a_zone_and_a_mistake() -> None:
    database = Resolver("data", "production").resource("Database")
    assert (database["MultiAZ"], database["DeletionProtection"]) == ("true", "true")
    assert database["StorageEncrypted"] and int(database["BackupRetentionPeriod"]) >= 7
    assert Resolver("data", "production").resource("Cache")["AutomaticFailoverEnabled"] is True
    service = Resolver("service", "production", RunningRevision="task:7")
    assert int(service.resource("Scaling")["MinCapacity"]) >= 2
