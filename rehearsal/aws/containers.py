"""The parts of a container definition that are passed to Docker.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.services import ecs, ssm

from rehearsal.aws.patches import replaces
from rehearsal.aws.records import Json

SECOND = 10**9
# ECS's names, and the names of Docker's `run`.
PLAIN = {
    "entryPoint": "entrypoint",
    "user": "user",
    "workingDirectory": "working_dir",
    "readonlyRootFilesystem": "read_only",
    "hostname": "hostname",
    "interactive": "stdin_open",
    "pseudoTerminal": "tty",
}


def health_check(check: Json) -> Json:
    """Return a definition's healthCheck as options of Docker, with ECS's defaults."""
    return {
        "test": check["command"],
        "interval": int(check.get("interval", 30)) * SECOND,
        "timeout": int(check.get("timeout", 5)) * SECOND,
        "retries": int(check.get("retries", 3)),
        "start_period": int(check.get("startPeriod", 0)) * SECOND,
    }


def linux_parameters(parameters: Json) -> Json:
    """Return a definition's linuxParameters as options of `run`."""
    found: Json = {}
    if parameters.get("initProcessEnabled"):
        found["init"] = True
    if parameters.get("tmpfs"):
        found["tmpfs"] = {
            mount["containerPath"]: ",".join(
                ["rw", f"size={mount.get('size', 64)}m", *mount.get("mountOptions", [])]
            )
            for mount in parameters["tmpfs"]
        }
    if dropped := (parameters.get("capabilities") or {}).get("drop"):
        found["cap_drop"] = dropped
    return found


@replaces(ecs, "_build_run_kwargs")
def run_options(
    original: Callable[..., Json],
    definition: Json,
    task_definition: Json,
    *words: Any,
    **named: Any,
) -> Json:
    """AWS uses the whole definition; ministack silently drops these parts."""
    options = original(definition, task_definition, *words, **named)
    # ministack would pull for this platform, but a local image may be for the machine's own.
    options.pop("platform", None)
    for name, option in PLAIN.items():
        if definition.get(name):
            options[option] = definition[name]
    # A task's memory limits its containers together, unless a container has its own limit.
    if memory := definition.get("memory") or task_definition.get("memory"):
        options["mem_limit"] = options["memswap_limit"] = f"{int(memory)}m"
    # ECS ignores a Dockerfile's HEALTHCHECK.
    options["healthcheck"] = {"test": ["NONE"]}
    if (definition.get("healthCheck") or {}).get("command"):
        options["healthcheck"] = health_check(definition["healthCheck"])
    if limits := definition.get("ulimits"):
        options["ulimits"] = [
            {"Name": u["name"], "Soft": int(u["softLimit"]), "Hard": int(u["hardLimit"])}
            for u in limits
        ]
    return {**options, **linux_parameters(definition.get("linuxParameters") or {})}


@replaces(ssm, "resolve_parameter_value")
def parameter_value(
    original: Callable[..., str | None],
    name: str,
    version: str | None = None,
    decrypt: bool = False,
) -> str | None:
    """AWS gives a task the plain text of a SecureString; ministack gives it the encrypted text.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-ssm-paramstore.html
    """
    return original(name, version, True)
