"""A fake ECS with one service, whose deployments and tasks end as a test says."""

import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from delivery.aws.client import Aws
from delivery.aws.ecs import Service
from delivery.errors import Failure

ARN = "arn:aws:ecs:us-east-1:1:task-definition/myapp-staging-task"
BASE = f"{ARN}-base:3"
OLD, NEW = f"{ARN}:7", f"{ARN}:8"
WORKER = "arn:aws:ecs:us-east-1:1:task-definition/myapp-staging-worker"
# As AWS answers, which adds what a rolling deployment may not be given.
CONFIGURATION: dict[str, Any] = {
    "deploymentCircuitBreaker": {"enable": True, "rollback": True},
    "maximumPercent": 200,
    "minimumHealthyPercent": 100,
    "alarms": {"enable": True, "rollback": True, "alarmNames": ["errors", "unhealthy"]},
    "strategy": "ROLLING",
    "bakeTimeInMinutes": 0,
}
VERSIONS = {5: "v1.2.0", 6: "v1.2.1", 7: "v1.2.2", 8: "v1.2.3"}
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"], "assignPublicIp": "ENABLED"}}


def commit(number: int) -> str:
    return f"{number:040x}"


class FakeEcs(Aws):
    """`calls` has the changes; `after_move` and `task` decide how deployments and tasks end."""

    def __init__(self, runs: str = OLD) -> None:
        super().__init__("us-east-1", seconds=0)
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.after_move = "COMPLETED"
        self.task: dict[str, Any] = {"lastStatus": "STOPPED", "containers": [self.container(0)]}
        self.others: list[dict[str, Any]] = []  # others of the family
        self.failures: list[dict[str, str]] = []
        self.log: list[str] = ["Applying releases.0001_initial... OK"]
        self.looks_until_known = 0
        # Each revision was verified in its turn, as deploys do it.
        self.tags = {n: {"verified": f"2026-01-0{n}T12:00:00.000+00:00"} for n in VERSIONS}
        self.images = {f"myapp-staging:{version}" for version in VERSIONS.values()}
        self.service_deployments: list[dict[str, str]] = []
        self.outputs: dict[str, str] = {}  # of the load balancer's stack; empty, nobody may read it
        self.denied: dict[str, str] = {}  # actions that fail, and why
        self.words: tuple[str, ...] = ()
        self.hosts = "staging.example.com"
        self.service: dict[str, Any] = {
            "status": "ACTIVE",
            "taskDefinition": runs,
            "networkConfiguration": NETWORK,
            "deploymentConfiguration": CONFIGURATION,
            "tags": [{"key": "minimum-tasks", "value": "2"}],
            "deployments": [self.deployment(runs)],
            "events": [{"message": "(service myapp) was unable to place a task"}],
        }
        self.worker: dict[str, Any] = {}  # a service like that, where infra/ has a worker
        self.worker_base: dict[str, Any] = {"name": "myapp", "command": ["work"]}

    def add_worker(self, runs: str) -> None:
        tags = [{"key": "minimum-tasks", "value": "1"}]
        deployments = [self.deployment(runs)]
        self.worker = {"status": "ACTIVE", "taskDefinition": runs, "tags": tags}
        self.worker["deployments"] = deployments

    def __call__(self, service: str, action: str, *words: str) -> Any:
        self.words = words
        if action in self.denied:
            raise Failure(f"aws {service} {action}: {self.denied[action]}")
        return getattr(self, action.replace("-", "_"))(dict(pairwise(words)))

    @staticmethod
    def container(code: int | None) -> dict[str, Any]:
        return {"name": "myapp"} | ({} if code is None else {"exitCode": code})

    @staticmethod
    def deployment(revision: str, state: str = "COMPLETED", status: str = "PRIMARY") -> Any:
        return {
            "id": f"deployment-{revision}",
            "status": status,
            "rolloutState": state,
            "rolloutStateReason": f"rollout {state}",
            "taskDefinition": revision,
            "runningCount": 2,
            "desiredCount": 2,
        }

    def describe_services(self, options: Mapping[str, str]) -> Any:
        if options["--services"].endswith("-worker"):
            return {"services": [self.worker]}
        if self.looks_until_known and self.calls:
            self.looks_until_known -= 1
            return {"services": [self.service | {"deployments": [self.deployment(OLD)]}]}
        return {"services": [self.service]}

    def update_service(self, options: dict[str, str]) -> Any:
        self.calls.append(("update-service", options))
        revision = options["--task-definition"]
        if given := options.get("--deployment-configuration"):
            self.service["deploymentConfiguration"] = json.loads(given)
        new = self.deployment(revision, "IN_PROGRESS")
        service = self.worker if options["--service"].endswith("-worker") else self.service
        if self.after_move == "FAILED":
            gone = self.deployment(revision, "FAILED", "ACTIVE")
            service["deployments"] = [self.deployment(OLD), gone]
        else:
            service["taskDefinition"] = revision
            service["deployments"] = [self.deployment(revision, self.after_move)]
        return {"service": {"deployments": [new]}}

    def run_task(self, options: dict[str, str]) -> Any:
        self.calls.append(("run-task", options))
        task = {"taskArn": "arn:aws:ecs:us-east-1:1:task/cluster/t1"}
        return {"failures": self.failures, "tasks": [] if self.failures else [task]}

    def list_tasks(self, options: Mapping[str, str]) -> Any:
        assert options["--family"] == "myapp-staging-task"
        ended = options["--desired-status"] == "STOPPED"
        mine = [t["taskArn"] for t in self.others if ended == t["lastStatus"].startswith("STOP")]
        return {"taskArns": mine}

    def describe_tasks(self, options: Mapping[str, str]) -> Any:
        known = [task for task in self.others if task["taskArn"] in self.words]
        return {"tasks": known or [self.task]}

    def stop_task(self, options: dict[str, str]) -> Any:
        self.calls.append(("stop-task", options))

    def describe_task_definition(self, options: Mapping[str, str]) -> Any:
        if options["--task-definition"] == "myapp-staging-worker-base":
            return {"taskDefinition": {"containerDefinitions": [dict(self.worker_base)]}}
        number = int(options["--task-definition"].rpartition(":")[2])
        if number not in VERSIONS:
            raise Failure("Unable to describe task definition")
        logs = {"awslogs-group": "/ecs/myapp-staging", "awslogs-stream-prefix": "ecs"}
        variables = {"APP_VERSION": VERSIONS[number], "APP_COMMIT": commit(number)}
        variables["ALLOWED_HOSTS"] = self.hosts
        mine = {
            "name": "myapp",
            "image": f"1.dkr.ecr.us-east-1.amazonaws.com/myapp-staging:{VERSIONS[number]}",
            "logConfiguration": {"options": logs},
            "environment": [{"name": n, "value": v} for n, v in variables.items()],
        }
        definition = {"taskDefinitionArn": f"{ARN}:{number}", "containerDefinitions": [mine]}
        tags = [{"key": name, "value": value} for name, value in self.tags[number].items()]
        return {"taskDefinition": definition, "tags": tags}

    def list_task_definitions(self, options: Mapping[str, str]) -> Any:
        worker = [f"{WORKER}-base:1"] if self.worker else []
        return {"taskDefinitionArns": [BASE, *worker, *(f"{ARN}:{n}" for n in VERSIONS)]}

    def tag_resource(self, options: Mapping[str, str]) -> Any:
        tags = self.tags[int(options["--resource-arn"].rpartition(":")[2])]
        for pair in self.words[self.words.index("--tags") + 1 :]:
            key, value = pair.removeprefix("key=").split(",value=")
            tags[key] = value

    def describe_images(self, options: Mapping[str, str]) -> Any:
        tag = options["--image-ids"].removeprefix("imageTag=")
        if f"{options['--repository-name']}:{tag}" not in self.images:
            raise Failure("An error occurred (ImageNotFoundException)")
        return {"imageDetails": [{"imageDigest": "sha256:1"}]}

    def describe_stacks(self, options: Mapping[str, str]) -> Any:
        if not self.outputs:
            raise Failure("An error occurred (AccessDenied)")
        outputs = [{"OutputKey": key, "OutputValue": text} for key, text in self.outputs.items()]
        return {"Stacks": [{"Outputs": outputs}]}

    def list_service_deployments(self, options: Mapping[str, str]) -> Any:
        return {"serviceDeployments": self.service_deployments}

    def stop_service_deployment(self, options: dict[str, str]) -> Any:
        self.calls.append(("stop-service-deployment", options))
        if self.after_move == "FAILED":
            raise Failure("An error occurred (ConflictException)")
        self.service |= {"taskDefinition": OLD, "deployments": [self.deployment(OLD)]}

    def describe_service_deployments(self, options: Mapping[str, str]) -> Any:
        return {"serviceDeployments": [{"status": "ROLLBACK_IN_PROGRESS"}]}

    def get_log_events(self, options: Mapping[str, str]) -> Any:
        assert options["--log-group-name"] == "/ecs/myapp-staging"
        assert options["--log-stream-name"] == "ecs/myapp/t1"
        if not self.log:
            raise Failure("ResourceNotFoundException")
        return {"events": [{"message": message} for message in self.log]}

    def register_task_definition(self, options: Mapping[str, str]) -> Any:
        definition = json.loads(options["--cli-input-json"])
        self.calls.append(("register", definition))
        is_worker = definition["family"].endswith("-worker")
        return {"taskDefinition": {"taskDefinitionArn": f"{WORKER}:4" if is_worker else NEW}}

    def alarms_on(self) -> list[bool]:
        """Return for each move whether alarms may undo it."""
        given = [json.loads(move["--deployment-configuration"]) for move in self.moves()]
        return [configuration["alarms"]["enable"] for configuration in given]

    def moves(self) -> list[dict[str, str]]:
        return [options for action, options in self.calls if action == "update-service"]


def service_of(ecs: FakeEcs) -> Service:
    """Return the service of staging, as a client of the fake ECS."""
    return Service(ecs, "myapp-staging-cluster", "myapp-staging-service")
