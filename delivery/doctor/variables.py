"""Checks of the variables and secrets that tasks read, from infra/service.yaml to what runs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from delivery.aws.client import Aws
from delivery.aws.ecs import CONTAINER, short
from delivery.doctor.findings import MISSING, OK, WRONG, Finding, Findings
from delivery.errors import Failure
from delivery.paths import INFRA

NAME = re.compile(r"\{Name: ([A-Z_]+), Value(?:From)?: ")
# The tag of a secret whose first value, which infra/ sets, a person has to replace.
BY_HAND = {"Key": "value", "Value": "by-hand"}


def variables(aws: Aws, base: str, runs: str, infra: str, deploy: str) -> Findings:
    """Yield what the next task would lack, then what those that run do not have yet."""
    ours = NAME.findall((INFRA / "service.yaml").read_text())
    told = container(aws, base)
    findings = [*absent(ours, told, base, infra), *secrets(aws, told, infra)]
    if runs:
        has = container(aws, runs)
        findings += absent(sorted(names(told)), has, f"{short(runs)}, which runs", deploy)
    yield from findings or [Finding(OK, f"{base}: {len(ours)} variables and secrets")]


def container(aws: Aws, definition: str) -> dict[str, Any]:
    answer = aws("ecs", "describe-task-definition", "--task-definition", definition)
    containers = answer["taskDefinition"]["containerDefinitions"]
    return dict(next(c for c in containers if c["name"] == CONTAINER))


def names(container: dict[str, Any]) -> set[str]:
    entries = container.get("environment", []) + container.get("secrets", [])
    return {str(entry["name"]) for entry in entries}


def absent(wanted: Iterable[str], container: dict[str, Any], where: str, fix: str) -> Findings:
    there = names(container)
    for name in wanted:
        if name not in there:
            yield Finding(MISSING, f"{name} in {where}", fix)


def secrets(aws: Aws, container: dict[str, Any], infra: str) -> Findings:
    """Yield the secrets of Secrets Manager that a task could not read, or that have no value."""
    for entry in container.get("secrets", []):
        arn = entry["valueFrom"].split(":")
        if arn[2] != "secretsmanager":
            continue
        # The ARN ends with a hyphen and six characters, and after it may name a key of JSON.
        name = arn[6].rpartition("-")[0]
        read_as = f"that tasks read as {entry['name']}, {name}"
        command = f"--region {aws.region} --secret-id {name}"
        try:
            found = aws("secretsmanager", "describe-secret", "--secret-id", ":".join(arn[:7]))
        except Failure as failure:
            if "ResourceNotFoundException" not in str(failure):
                raise
            yield Finding(MISSING, f"the secret {read_as}", infra)
            continue
        if "DeletedDate" in found:
            restore = f"aws secretsmanager restore-secret {command}"
            yield Finding(WRONG, f"the secret {read_as}, is to be deleted", restore)
        elif BY_HAND in found.get("Tags", []) and len(found["VersionIdsToStages"]) == 1:
            put = f"aws secretsmanager put-secret-value {command} --secret-string file:///dev/stdin"
            yield Finding(MISSING, f"the value {read_as}, is still the one of infra/", put)
