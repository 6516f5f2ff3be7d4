"""Changes in AWS that no template made, found by CloudFormation's drift detection."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from delivery.aws.client import Aws
from delivery.doctor.findings import OK, WRONG, Finding, Findings
from delivery.errors import Failure

PATIENCE_SECONDS = 600
# Deploys, scaling and RDS itself change these, as they should.
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
            fix = f"take it back or put it into infra/, then {infra}"
            yield Finding(WRONG, f"{resource} of {stack} {what} past its template", fix)
        if not changes:
            yield Finding(OK, f"{stack} is as its template says")


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
            raise Failure(f"{stack}: not done after {PATIENCE_SECONDS} s")
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
            found.append((drift["LogicalResourceId"], "was deleted"))
        elif paths := unexpected(drift):
            found.append((drift["LogicalResourceId"], f"has another {', '.join(paths)}"))
    return found


def unexpected(drift: dict[str, Any]) -> list[str]:
    expected = EXPECTED.get(drift["ResourceType"], set())
    paths = {str(one["PropertyPath"]) for one in drift.get("PropertyDifferences", [])}
    return sorted(path.strip("/") for path in paths - expected)
