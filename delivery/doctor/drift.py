"""Changes in AWS that no template made, found by CloudFormation's drift detection."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from delivery.aws.client import Aws
from delivery.doctor.findings import OK, WRONG, Finding, Findings
from delivery.errors import Failure

PATIENCE_SECONDS = 600
# Deploys, scaling and RDS change these on purpose.
EXPECTED = {
    "AWS::ECS::Service": {"/TaskDefinition", "/DesiredCount"},
    "AWS::RDS::DBInstance": {"/AllocatedStorage", "/EngineVersion"},
}


def drifts(aws: Aws, stacks: Sequence[str], infra: str) -> Findings:
    """Yield for each stack whether AWS still has what its template says."""
    detections = {stack: detect(aws, stack) for stack in stacks}
    for stack, detection in detections.items():
        wait(aws, stack, detection)
        changes = list(changed(aws, stack))
        for resource, what in changes:
            fix = f"undo the change or add it to infra/, then run {infra}"
            yield Finding(WRONG, f"{resource} of {stack} {what}", fix)
        if not changes:
            yield Finding(OK, f"{stack} matches its template")


def detect(aws: Aws, stack: str) -> str:
    answer = aws("cloudformation", "detect-stack-drift", "--stack-name", stack)
    return str(answer["StackDriftDetectionId"])


def wait(aws: Aws, stack: str, detection: str) -> None:
    """Return once the detection is over; raise Failure where it failed or takes too long."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    action = "describe-stack-drift-detection-status"
    while True:
        answer = aws("cloudformation", action, "--stack-drift-detection-id", detection)
        if answer["DetectionStatus"] == "DETECTION_COMPLETE":
            return
        if answer["DetectionStatus"] == "DETECTION_FAILED":
            raise Failure(f"{stack}: {answer.get('DetectionStatusReason', 'no reason given')}")
        if time.monotonic() > deadline:
            raise Failure(f"{stack}: drift detection not complete after {PATIENCE_SECONDS} s")
        aws.wait()


def changed(aws: Aws, stack: str) -> list[tuple[str, str]]:
    """Return each resource that differs, with what differs."""
    answer = aws(
        *("cloudformation", "describe-stack-resource-drifts", "--stack-name", stack),
        *("--stack-resource-drift-status-filters", "MODIFIED", "DELETED"),
    )
    found = []
    for drift in answer["StackResourceDrifts"]:
        if drift["StackResourceDriftStatus"] == "DELETED":
            found.append((drift["LogicalResourceId"], "was deleted outside CloudFormation"))
        elif paths := unexpected(drift):
            found.append(
                (drift["LogicalResourceId"], f"differs from its template in {', '.join(paths)}")
            )
    return found


def unexpected(drift: dict[str, Any]) -> list[str]:
    expected = EXPECTED.get(drift["ResourceType"], set())
    paths = {str(one["PropertyPath"]) for one in drift.get("PropertyDifferences", [])}
    return sorted(path.strip("/") for path in paths - expected)
