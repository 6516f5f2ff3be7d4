"""Faults inside an environment: its tasks, secrets, task definition and rollouts."""

from __future__ import annotations

import json
import time
from typing import Any

from rehearsal import docker, local_aws
from rehearsal.drills import states
from rehearsal.drills.context import DrillContext, Injection
from rehearsal.errors import Failure
from rehearsal.local_aws import aws
from rehearsal.paths import ACCOUNT

BASE = "myapp-staging-task-base"
# The fields that RegisterTaskDefinition accepts; DescribeTaskDefinition adds others.
KEPT = (
    *("family", "taskRoleArn", "executionRoleArn", "networkMode", "containerDefinitions"),
    *("requiresCompatibilities", "cpu", "memory", "runtimePlatform"),
)
START_SECONDS = 900  # a migration or a rollback that does not start within this is stuck
STOP_SECONDS = 120  # a stopped task takes one second; on a busy machine, some
# Processes that `docker exec` starts have the parent 0: the step, this shell, and process 1.
SIGNAL_STEP = r"""
for status in $(grep -l '^PPid:[[:space:]]0$' /proc/[0-9]*/status); do
    process=${status#/proc/} process=${process%/status}
    [ "$process" = 1 ] || [ "$process" = $$ ] || kill -INT "$process"
done
"""
BROKEN = "/tmp/broken"  # noqa: S108  # a task's own, and the one place where it can write


def lose_variable(name: str) -> Injection:
    """Return a fault: the newest base revision lacks a variable."""

    def inject(context: DrillContext) -> None:
        good = describe_base()
        context.cleanup.faults.callback(register, good)
        bad = json.loads(json.dumps(good))
        for container in bad["containerDefinitions"]:
            kept = [one for one in container["environment"] if one["name"] != name]
            if len(kept) == len(container["environment"]):
                raise Failure(f"{BASE} has no variable {name}, which the drill removes")
            container["environment"] = kept
        register(bad)

    return inject


def describe_base() -> dict[str, object]:
    answer = aws("ecs", "describe-task-definition", "--task-definition", BASE)
    definition = answer["taskDefinition"]
    assert isinstance(definition, dict)
    return {name: definition[name] for name in KEPT if name in definition}


def register(definition: dict[str, object]) -> None:
    aws("ecs", "register-task-definition", "--cli-input-json", json.dumps(definition))


def blank_secret_key(context: DrillContext) -> None:
    containers = describe_base()["containerDefinitions"]
    assert isinstance(containers, list)
    secrets = {one["name"]: one["valueFrom"] for one in containers[0]["secrets"]}
    arn = secrets["SECRET_KEY"]
    value = str(aws("secretsmanager", "get-secret-value", "--secret-id", arn)["SecretString"])

    def put(text: str) -> None:
        aws("secretsmanager", "put-secret-value", "--secret-id", arn, "--secret-string", text)

    context.cleanup.faults.callback(put, value)
    put(" ")


def without(document: dict[str, Any], action: str) -> dict[str, Any]:
    """Return a policy without an action, and without statements that allow only this action."""
    kept = []
    for statement in document["Statement"]:
        actions = statement["Action"]
        actions = [
            one for one in ([actions] if isinstance(actions, str) else actions) if one != action
        ]
        if actions:
            kept.append({**statement, "Action": actions})
    return {**document, "Statement": kept}


def lose_permission(action: str) -> Injection:
    """Return a fault: the policy of staging's deploys lacks a permission."""

    def inject(context: DrillContext) -> None:
        policy = ("--policy-arn", f"arn:aws:iam::{ACCOUNT}:policy/myapp-staging-deploy")

        def put(document: dict[str, Any], instead_of: str) -> str:
            words = (*policy, "--policy-document", json.dumps(document), "--set-as-default")
            made = aws("iam", "create-policy-version", *words)["PolicyVersion"]["VersionId"]
            aws("iam", "delete-policy-version", *policy, "--version-id", instead_of)
            return str(made)

        version = aws("iam", "get-policy", *policy)["Policy"]["DefaultVersionId"]
        read = ("get-policy-version", *policy, "--version-id", version)
        whole = aws("iam", *read)["PolicyVersion"]["Document"]
        less = put(without(whole, action), version)
        context.cleanup.faults.callback(lambda: put(whole, less))

    return inject


def move_at_the_same_time(context: DrillContext) -> None:
    """Move the service, as a rollback or another deploy at the same time would."""
    where = ("--cluster", "myapp-staging-cluster", "--service", "myapp-staging-service")
    aws("ecs", "update-service", *where, "--force-new-deployment")


def wait_half_way() -> str:
    """Return the container of the migration, once it has printed that it is half way."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        for task in local_aws.get("/_rehearsal/state")["tasks"]:
            if task["lastStatus"] != "RUNNING":
                continue
            name = docker.docker("ps", "--quiet", f"--filter=name=-{task['id'][:8]}-")
            if name and "half way" in docker.docker("logs", name):
                return name
        time.sleep(0.3)
    raise Failure(f"no migration printed 'half way' within {START_SECONDS} s")


def die_half_way(context: DrillContext) -> None:
    """Wait until the migration is half way, and kill its container."""
    docker.docker("kill", wait_half_way())


def cancel_half_way(context: DrillContext) -> None:
    """Cancel the job as GitHub's runner does: send SIGINT to the first process of the step only.

    act would remove the job's container, with all processes in it.
    """
    migration = wait_half_way()
    (job,) = docker.ours("name=^act-Deploy-to-Staging-", "status=running")
    docker.docker("exec", job, "sh", "-c", SIGNAL_STEP)
    deadline = time.monotonic() + STOP_SECONDS
    while docker.ours(f"id={migration}", "status=running"):
        if time.monotonic() > deadline:
            raise Failure(f"the migration still runs {STOP_SECONDS} s after its job was cancelled")
        time.sleep(0.3)


def break_pages(context: DrillContext) -> None:
    """Make the pages of the new version fail, in each of its tasks."""
    service = local_aws.service("staging")
    revision = next(d["revision"] for d in service["deployments"] if d["status"] == "PRIMARY")
    for task in service["tasks"]:
        if task["lastStatus"] == "RUNNING" and task["revision"] == revision:
            name = docker.docker("ps", "--quiet", f"--filter=name=-{task['id'][:8]}-")
            docker.docker("exec", name, "touch", BROKEN)


def set_alarm_during_rollback(context: DrillContext) -> None:
    """Set an alarm to ALARM while the service moves back to the previous version.

    The alarm on errors is no use: on a slow machine it goes off before the rollback, and ECS then
    ignores it. CloudWatch keeps the state until it evaluates the alarm.
    """
    before, times_set = context.observation.before["staging"].revision, 0
    deadline = time.monotonic() + START_SECONDS
    while states.environment("staging", deep=False).revision != before:
        if time.monotonic() > deadline:
            raise Failure(f"staging did not return to {before} within {START_SECONDS} s")
        time.sleep(0.5)
    while not states.environment("staging", deep=False).stable and time.monotonic() < deadline:
        aws(
            *("cloudwatch", "set-alarm-state", "--alarm-name", "myapp-staging-unhealthy-targets"),
            *("--state-value", "ALARM", "--state-reason", context.setup.name),
        )
        times_set += 1
    if not times_set:
        context.problem("no alarm went off during the rollback")
