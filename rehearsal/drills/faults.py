"""Faults in servers and in AWS: paused or stopped containers, and failing calls."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from rehearsal import docker, local_aws
from rehearsal.drills.context import DrillContext, Injection
from rehearsal.drills.states import sql
from rehearsal.errors import Failure

FAULTS, FINDINGS = "/_rehearsal/faults", "/_rehearsal/findings"


def aws(**fault: Any) -> Injection:
    """Return a fault in calls of AWS or of the registry: see rehearsal/aws/faults.py."""

    def inject(context: DrillContext) -> None:
        context.cleanup.faults.callback(clear)
        local_aws.send("POST", FAULTS, fault)

    return inject


def vulnerable(context: DrillContext) -> None:
    """Let every scan find a severe vulnerability that has a fix."""
    packages = [{"name": "openssl", "version": "3.0.11", "fixedInVersion": "3.0.12"}]
    details = {"vulnerabilityId": "CVE-2099-0001", "vulnerablePackages": packages}
    finding = {"severity": "CRITICAL", "status": "ACTIVE", "fixAvailable": "YES"}
    context.cleanup.faults.callback(local_aws.send, "DELETE", FINDINGS)
    local_aws.send("POST", FINDINGS, {**finding, "packageVulnerabilityDetails": details})


def together(*injections: Injection) -> Injection:
    """Return an injection of several faults."""

    def inject(context: DrillContext) -> None:
        for injection in injections:
            injection(context)

    return inject


def clear() -> None:
    local_aws.send("DELETE", FAULTS)


def only_container(start: str) -> str:
    """Return the only container whose name begins with a match of a pattern."""
    names = docker.docker("ps", "--all", f"--filter=name=^{start}", "--format={{.Names}}").split()
    if len(names) != 1:
        raise Failure(f"expected one container named {start}…, found {len(names)}")
    return names[0]


def database(environment: str = "staging") -> str:
    return only_container(f"rehearsal-rds-myapp-{environment}$")


def cache(environment: str = "staging") -> str:
    return only_container(f"rehearsal-elasticache-.*-myapp-{environment}-")


def hangs(container: Callable[[], str]) -> Injection:
    """Return a fault: a server accepts connections and never answers."""

    def inject(context: DrillContext) -> None:
        name = container()
        docker.docker("pause", name)
        context.cleanup.outages.callback(docker.docker, "unpause", name)

    return inject


def stops(container: Callable[[], str]) -> Injection:
    """Return a fault: a server is stopped and refuses connections."""

    def inject(context: DrillContext) -> None:
        name = container()
        docker.docker("kill", name)
        context.cleanup.outages.callback(docker.docker, "start", name)

    return inject


def end(context: DrillContext) -> None:
    """End the outages."""
    context.cleanup.outages.close()


def schema(*statements: str) -> Injection:
    """Return an injection that registers the reversal of a migration of staging's database."""

    def inject(context: DrillContext) -> None:
        context.cleanup.data.callback(sql, "staging", *statements)

    return inject


def in_background(act: Callable[[DrillContext], None]) -> Injection:
    """Return an injection that runs in parallel with the step that begins."""

    def inject(context: DrillContext) -> None:
        def guarded() -> None:
            try:
                act(context)
            except Failure as failure:
                context.problem(f"the fault could not be injected: {failure}")

        thread = threading.Thread(target=guarded)
        thread.start()
        context.cleanup.faults.callback(thread.join)

    return inject
