"""A fake environment in AWS without any problem, until a test changes it."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from delivery.aws.infra_parameters import TEMPLATES
from delivery.doctor import database_authority
from delivery.errors import Failure
from delivery.paths import INFRA, ROOT
from tests.delivery.documented_aws import DocumentedAws

ACCOUNT = "123456789012"
ARN = f"arn:aws:ecs:us-east-1:{ACCOUNT}:task-definition/myapp-staging-task"
SECRET = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret"
SUBJECT = "repo:acme/shop"
SERVICE = (INFRA / "service.yaml").read_text()


def named_in(template: str, kind: str) -> list[str]:
    return re.findall(rf"Name: ([A-Z_]+), {kind}:", template)


def days_ago(days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat()


class Staging(DocumentedAws):
    """An environment without any problem, until a test changes it."""

    def __init__(self) -> None:
        super().__init__()
        self.statuses = {f"myapp-staging-{name}": "UPDATE_COMPLETE" for name in TEMPLATES}
        self.trusted = f"{SUBJECT}:environment:staging"
        self.provider = "token.actions.githubusercontent.com"
        self.certificate = {"Status": "ISSUED", "DomainName": "*.example.com", "NotAfter": ""}
        self.certificate["NotAfter"] = days_ago(-200)
        names = ["5xx-above-5-percent", "unhealthy-targets", "5xx-above-1-percent"]
        names += ["p95-above-500-ms", "few-tasks", "errors-in-the-log", "cache-memory-high"]
        names += ["database-storage-low", "database-connections-high", "database-memory-low"]
        self.states = {f"myapp-staging-{name}": "OK" for name in (*names, "cache-connections-high")}
        self.runs, self.running = f"{ARN}:7", 2
        self.recorded = self.runs
        self.images = True
        self.bundle = (ROOT / database_authority.FILE).read_bytes()
        self.drifts: list[dict[str, Any]] = []
        self.detection = ["DETECTION_IN_PROGRESS"]  # then complete
        self.password: str | float = days_ago(10)
        self.key_days: list[int] = []
        self.worker: int | None = None  # its tasks, where infra/ has a worker
        self.variables = set(named_in(SERVICE, "Value"))
        self.secrets = set(named_in(SERVICE, "ValueFrom"))
        self.untold: set[str] = set()  # of the base, and not of what runs
        self.secret: dict[str, Any] = {"VersionIdsToStages": {"1": ["AWSCURRENT"]}}

    def get_caller_identity(self, options: Any) -> Any:
        return {"Account": ACCOUNT}

    def describe_stacks(self, options: Any) -> Any:
        name = options["stack-name"]
        if name not in self.statuses:
            raise Failure(f"Stack with id {name} does not exist")
        values = {"DatabasePasswordNumber": "3", "RunningRevision": self.recorded}
        parameters = [{"ParameterKey": k, "ParameterValue": v} for k, v in values.items()]
        return {"Stacks": [{"StackStatus": self.statuses[name], "Parameters": parameters}]}

    def detect_stack_drift(self, options: Any) -> Any:
        return {"StackDriftDetectionId": options["stack-name"]}

    def describe_stack_drift_detection_status(self, options: Any) -> Any:
        state = self.detection.pop(0) if self.detection else "DETECTION_COMPLETE"
        return {"DetectionStatus": state, "DetectionStatusReason": "denied"}

    def describe_stack_resource_drifts(self, options: Any) -> Any:
        mine = [drift for drift in self.drifts if drift["StackId"] == options["stack-name"]]
        return {"StackResourceDrifts": mine}

    def get_role(self, options: Any) -> Any:
        if not self.trusted:
            raise Failure("An error occurred (NoSuchEntity)")
        subject = {"token.actions.githubusercontent.com:sub": self.trusted}
        statement = {"Effect": "Allow", "Condition": {"StringEquals": subject}}
        return {"Role": {"AssumeRolePolicyDocument": {"Statement": [statement]}}}

    def list_open_id_connect_providers(self, options: Any) -> Any:
        arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{self.provider}"
        return {"OpenIDConnectProviderList": [{"Arn": arn}]}

    def describe_certificate(self, options: Any) -> Any:
        return {"Certificate": self.certificate}

    def describe_alarms(self, options: Any) -> Any:
        alarms = [
            {"AlarmName": name, "StateValue": state, "ActionsEnabled": True}
            for name, state in self.states.items()
        ]
        return {"MetricAlarms": alarms}

    def describe_services(self, options: Any) -> Any:
        if not self.runs:
            raise Failure("An error occurred (ClusterNotFoundException)")
        if options["services"].endswith("-worker"):
            worker = {"runningCount": self.worker, "desiredCount": 1, "taskDefinition": "x:4"}
            return {"services": [{"status": "ACTIVE", **worker}]}
        counts = {"runningCount": self.running, "desiredCount": 2}
        return {"services": [{"status": "ACTIVE", "taskDefinition": self.runs, **counts}]}

    def list_task_definitions(self, options: Any) -> Any:
        worker = [] if self.worker is None else ["myapp-staging-worker-base:1"]
        return {"taskDefinitionArns": worker}

    def describe_task_definition(self, options: Any) -> Any:
        image = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/myapp-staging:abc"
        untold = set() if "-base" in options["task-definition"] else self.untold
        container = {
            "name": "myapp",
            "image": image,
            "environment": [{"name": n, "value": "x"} for n in sorted(self.variables - untold)],
            "secrets": [
                {"name": n, "valueFrom": f"{SECRET}:myapp-secret-Ab1"}
                for n in sorted(self.secrets - untold)
            ],
        }
        return {"taskDefinition": {"containerDefinitions": [container]}}

    def describe_images(self, options: Any) -> Any:
        if not self.images:
            raise Failure("An error occurred (ImageNotFoundException)")
        return {"imageDetails": [{"imageDigest": "sha256:1"}]}

    def describe_secret(self, options: Any) -> Any:
        if options["secret-id"].startswith(SECRET):
            if not self.secret:
                raise Failure("An error occurred (ResourceNotFoundException)")
            return self.secret
        if options["secret-id"] != "myapp-staging-database-password-3" or not self.password:
            raise Failure("An error occurred (ResourceNotFoundException)")
        return {"CreatedDate": self.password}

    def list_entities_for_policy(self, options: Any) -> Any:
        return {"PolicyUsers": [{"UserName": "deployer"}] if self.key_days else []}

    def list_access_keys(self, options: Any) -> Any:
        keys = [
            {"AccessKeyId": f"AKIA{n}", "Status": "Active", "CreateDate": days_ago(n)}
            for n in self.key_days
        ]
        return {"AccessKeyMetadata": keys}
