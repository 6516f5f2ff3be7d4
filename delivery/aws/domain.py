"""A domain for an environment that runs: its tasks must know the name before people use it."""

from __future__ import annotations

from collections.abc import Mapping

from delivery.aws.client import Aws
from delivery.errors import Failure

STEPS = "docs/infrastructure.md#a-domain-and-https"


def check_domain(aws: Aws, revision: str, values: Mapping[str, str]) -> None:
    """Raise Failure where HTTPS would lead people to a name that the running tasks refuse."""
    domain = values["DomainName"]
    if not revision or not domain or not values["CertificateArn"]:
        return
    answer = aws("ecs", "describe-task-definition", "--task-definition", revision)
    variables = {
        variable["name"]: variable["value"]
        for container in answer["taskDefinition"]["containerDefinitions"]
        for variable in container.get("environment", [])
    }
    if not allows(variables.get("ALLOWED_HOSTS", ""), domain):
        name = revision.rpartition("/")[2]
        raise Failure(
            f"{name}, which runs now, answers to {variables.get('ALLOWED_HOSTS') or 'no name'} but"
            f" not to {domain}. Leave CertificateArn empty, run this and deploy; then set it"
            f" again ({STEPS})"
        )


def allows(hosts: str, domain: str) -> bool:
    """Return whether Django answers to a name with these ALLOWED_HOSTS."""
    for host in hosts.split(","):
        name = host.strip().lower()
        if domain.lower() == name.removeprefix(".") or (
            name.startswith(".") and domain.lower().endswith(name)
        ):
            return True
    return False
