"""An ECS service: its description, its deployments, and tasks that run once beside it."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from typing import Any

from delivery.aws.client import Aws
from delivery.aws.infra_parameters import read_parameters
from delivery.command import uninterrupted
from delivery.errors import Failure
from delivery.paths import INFRA
from delivery.workflow import variable, verbatim

CONTAINER = "myapp"
# Fields of a deployment that infra/service.yaml sets. ECS returns others, which it may not accept.
CONFIGURED = {"deploymentCircuitBreaker", "maximumPercent", "minimumHealthyPercent"}
DESCRIBED_AT_ONCE = 100  # the limit of DescribeTasks
# The states of a deployment that was asked to stop, until ECS has begun to roll back.
STOPPING = {"PENDING", "IN_PROGRESS", "STOP_REQUESTED", "ROLLBACK_REQUESTED"}


def short(arn: str) -> str:
    return arn.rpartition("/")[2]


def is_base(revision: str) -> bool:
    """Return whether a revision is the one of infra/, without an image: nothing is deployed yet."""
    return short(revision).rpartition(":")[0].endswith("-base")


@dataclass
class Service:
    """A service, identified by the names of its cluster and itself."""

    aws: Aws
    cluster: str
    name: str

    @classmethod
    def from_environment(cls) -> Service:
        return cls(Aws(variable("AWS_REGION")), variable("ECS_CLUSTER"), variable("ECS_SERVICE"))

    @classmethod
    def of(cls, environment: str) -> Service:
        """Return an environment's service, in $AWS_REGION or the region of its parameters."""
        region = os.environ.get("AWS_REGION")
        region = region or read_parameters(INFRA / "parameters" / f"{environment}.json")[1]
        return cls(Aws(region), f"myapp-{environment}-cluster", f"myapp-{environment}-service")

    def describe(self) -> dict[str, Any]:
        answer = self.aws(
            *("ecs", "describe-services", "--cluster", self.cluster),
            *("--services", self.name, "--include", "TAGS"),
        )
        for service in answer["services"]:
            if service["status"] == "ACTIVE":
                found: dict[str, Any] = service
                return found
        raise Failure(
            f"{self.name} does not exist in {self.cluster}: scripts/deploy-infra creates it"
        )

    def minimum_tasks(self, described: dict[str, Any]) -> str:
        """Return how many tasks infra/ wants at least, from the tag of the service."""
        tags = {tag["key"]: str(tag["value"]) for tag in described.get("tags", [])}
        if "minimum-tasks" not in tags:
            raise Failure(f"{self.name} has no tag minimum-tasks: scripts/deploy-infra sets it")
        return tags["minimum-tasks"]

    def settled(self) -> dict[str, Any]:
        """Return the service; raise Failure while a deployment is in progress."""
        service = self.describe()
        moving = any(d.get("rolloutState") == "IN_PROGRESS" for d in service["deployments"])
        if moving and not is_base(service["taskDefinition"]):
            raise Failure(f"{self.name} is being deployed: wait until that is over, and try again")
        return service

    def move(self, revision: str, *words: str, alarms: bool = True) -> str:
        """Start the deployment of a revision, which alarms may roll back or not; return its id.

        ECS keeps the last configuration, so each move sets it. A rollback turns alarms off, and the
        next deploy turns them on again, even if the rollback was interrupted.
        """
        configuration = self.describe().get("deploymentConfiguration", {})
        if watched := configuration.get("alarms", {}).get("alarmNames"):
            kept = {name: value for name, value in configuration.items() if name in CONFIGURED}
            kept["alarms"] = {"alarmNames": watched, "enable": alarms, "rollback": True}
            words += ("--deployment-configuration", json.dumps(kept))
        answer = self.aws(
            *("ecs", "update-service", "--cluster", self.cluster, "--service", self.name),
            *("--task-definition", revision, *words),
        )
        return str(primary(answer["service"])["id"])

    def stop_deployment(self, seconds: float) -> None:
        """Make ECS stop and roll back the deployment in progress, where ECS lists one.

        Where it does not, or has no version to return to, the next deployment replaces that one
        anyway.
        """
        mine = ("--cluster", self.cluster, "--service", self.name)
        statuses = ("--status", "PENDING", "IN_PROGRESS")
        listed = self.aws("ecs", "list-service-deployments", *mine, *statuses)
        for arn in (d["serviceDeploymentArn"] for d in listed["serviceDeployments"]):
            print(f"stopping {short(arn)}")
            try:
                stop = ("--service-deployment-arn", arn, "--stop-type", "ROLLBACK")
                self.aws("ecs", "stop-service-deployment", *stop)
            except Failure as failure:
                print(f"{short(arn)} can't be stopped, but will be replaced: {failure}")
                continue
            deadline = time.monotonic() + seconds
            while self._status(arn) in STOPPING and time.monotonic() < deadline:
                self.aws.wait()

    def _status(self, arn: str) -> str:
        answer = self.aws("ecs", "describe-service-deployments", "--service-deployment-arns", arn)
        return str(answer["serviceDeployments"][0]["status"])

    def wait(self, deployment: str, seconds: float) -> None:
        """Wait until a deployment is complete: its tasks are healthy, all others are gone."""
        begin = time.monotonic()
        seen, said = False, ""
        while True:
            service = self.describe()
            now = primary(service)
            mine = next((d for d in service["deployments"] if d["id"] == deployment), None)
            # A new deployment may not be known everywhere in AWS yet.
            if mine is None and not seen and time.monotonic() < begin + min(30, seconds):
                self.aws.wait()
                continue
            seen = True
            if mine is None or mine["id"] != now["id"] or mine.get("rolloutState") == "FAILED":
                reason = (mine or {}).get("rolloutStateReason") or failed(service, deployment)
                runs = short(now["taskDefinition"])
                why = self.why(service, reason)
                raise Failure(f"ECS gave up this deployment and moves to {runs}. {why}")
            state, running, desired = (
                mine["rolloutState"],
                mine["runningCount"],
                mine["desiredCount"],
            )
            line = f"{short(mine['taskDefinition'])}: {running} of {desired} tasks, {state}"
            if line != said:
                print(line)
                said = line
            if state == "COMPLETED" and running == desired:
                return
            if time.monotonic() >= begin + seconds:
                raise Failure(f"not complete after {seconds:.0f} s. {self.why(service, '')}")
            self.aws.wait()

    def why(self, service: dict[str, Any], reason: str) -> str:
        """Return the reason that ECS gives, with its last events of the service."""
        events = [event["message"] for event in service.get("events", [])[:3]]
        return " | ".join(filter(None, [reason, *events])) or "ECS gives no reason"

    def run_once(
        self, revision: str, command: list[str], seconds: float, started_by: str = ""
    ) -> None:
        """Run a command in a task of its own; raise Failure unless it ends with 0 in time.

        A signal stops the task: GitHub's runner waits 7.5 s, which two calls of AWS do not take.
        """
        task = ""
        try:
            with uninterrupted():
                task = self.start_task(revision, command, started_by)
            stopped = self.wait_until_stopped(task, seconds)
        except KeyboardInterrupt:
            if not task:
                raise
            with uninterrupted():
                self.stop_task(task, "the deploy was cancelled")
            raise KeyboardInterrupt(f"task {short(task)} was stopped") from None
        except Failure:
            if task:
                self.print_log(revision, task)
            raise
        self.print_log(revision, task)
        container = next(c for c in stopped["containers"] if c["name"] == CONTAINER)
        if "exitCode" not in container:
            reason = container.get("reason") or stopped.get("stoppedReason") or "no reason given"
            raise Failure(f"the task did not start: {reason}")
        if container["exitCode"]:
            raise Failure(f"{' '.join(command)} ended with exit code {container['exitCode']}")

    def start_task(self, revision: str, command: list[str], started_by: str) -> str:
        """Start a task of its own with a command, and return its ARN."""
        network = self.describe()["networkConfiguration"]
        overrides = {"containerOverrides": [{"name": CONTAINER, "command": command}]}
        answer = self.aws(
            *("ecs", "run-task", "--cluster", self.cluster, "--task-definition", revision),
            *("--launch-type", "FARGATE", "--network-configuration", json.dumps(network)),
            *("--overrides", json.dumps(overrides)),
            *(("--started-by", started_by) if started_by else ()),
        )
        if failures := answer.get("failures"):
            reasons = ", ".join(
                f"{f.get('reason')} {f.get('detail', '')}".strip() for f in failures
            )
            raise Failure(f"ECS started no task: {reasons}")
        if not answer["tasks"]:
            raise Failure("ECS started no task and gave no reason")
        task = str(answer["tasks"][0]["taskArn"])
        print(f"task {short(task)} of {short(revision)}: {' '.join(command)}")
        return task

    def stop_task(self, arn: str, reason: str) -> None:
        self.aws(
            *("ecs", "stop-task", "--cluster", self.cluster, "--task", arn),
            *("--reason", reason),
        )

    def tasks_started_by(self, name: str, family: str) -> list[dict[str, Any]]:
        """Return the tasks of a family that were started under a name and have not ended."""
        found = []
        # One that was asked to stop is listed under the other status, and may run for two minutes.
        for status in ("RUNNING", "STOPPED"):
            listed = self.aws(
                *("ecs", "list-tasks", "--cluster", self.cluster, "--family", family),
                *("--desired-status", status),
            )["taskArns"]
            for at in range(0, len(listed), DESCRIBED_AT_ONCE):
                arns = listed[at : at + DESCRIBED_AT_ONCE]
                words = ("--cluster", self.cluster, "--tasks", *arns)
                found += self.aws("ecs", "describe-tasks", *words)["tasks"]
        return [t for t in found if t.get("startedBy") == name and t["lastStatus"] != "STOPPED"]

    def wait_until_stopped(self, arn: str, seconds: float) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        said = ""
        while True:
            answer = self.aws("ecs", "describe-tasks", "--cluster", self.cluster, "--tasks", arn)
            # A new task may not be known everywhere in AWS yet.
            task: dict[str, Any] = answer["tasks"][0] if answer["tasks"] else {"lastStatus": "?"}
            if task["lastStatus"] != said:
                said = task["lastStatus"]
                print(f"task {short(arn)}: {said}")
            if said == "STOPPED":
                return task
            if time.monotonic() >= deadline:
                reason = f"not complete after {seconds:.0f} s"
                self.stop_task(arn, reason)
                raise Failure(f"{reason}, and therefore stopped")
            self.aws.wait()

    def print_log(self, revision: str, task: str) -> None:
        """Print the end of a task's log; an unreadable log is no failure."""
        try:
            described = self.aws("ecs", "describe-task-definition", "--task-definition", revision)
            definition = described["taskDefinition"]
            mine = next(c for c in definition["containerDefinitions"] if c["name"] == CONTAINER)
            options = mine["logConfiguration"]["options"]
            stream = f"{options['awslogs-stream-prefix']}/{CONTAINER}/{short(task)}"
            events = self.aws(
                *("logs", "get-log-events", "--log-group-name", options["awslogs-group"]),
                *("--log-stream-name", stream, "--limit", "50"),
            )["events"]
        except (Failure, KeyError) as error:
            print(f"the task's log can't be read: {error}")
            return
        with verbatim():
            for event in events:
                print(f"  {event['message'].rstrip()}")


def failed(service: dict[str, Any], deployment: str) -> str:
    """Return the event with the reason of a failed deployment, which ECS may no longer list."""
    messages = [str(event["message"]) for event in service.get("events", [])]
    return next((m for m in messages if deployment in m and "failed" in m), "")


def primary(service: dict[str, Any]) -> dict[str, Any]:
    """Return the deployment that the service moves to or has moved to."""
    found: dict[str, Any] = next(d for d in service["deployments"] if d["status"] == "PRIMARY")
    return found
