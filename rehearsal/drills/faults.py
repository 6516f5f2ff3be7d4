"""What can be done to what runs: containers held up or stopped, calls of AWS that fail."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Callable
from typing import Any

from rehearsal import docker
from rehearsal.drills.drill import Injection
from rehearsal.drills.scene import Scene
from rehearsal.drills.seen import sql
from rehearsal.errors import Failure
from rehearsal.places import API

FAULTS = f"{API}/_rehearsal/faults"
FINDINGS = f"{API}/_rehearsal/findings"


def aws(**fault: Any) -> Injection:
    """Return what lets calls of AWS or of the registry fail: see rehearsal/aws/faults.py."""

    def inject(scene: Scene) -> None:
        scene.undo.callback(clear)
        request = urllib.request.Request(FAULTS, json.dumps(fault).encode())
        urllib.request.urlopen(request, timeout=5).close()

    return inject


def vulnerable(scene: Scene) -> None:
    """Let every scan find a severe vulnerability that has a fix."""
    packages = [{"name": "openssl", "version": "3.0.11", "fixedInVersion": "3.0.12"}]
    details = {"vulnerabilityId": "CVE-2099-0001", "vulnerablePackages": packages}
    finding = {"severity": "CRITICAL", "status": "ACTIVE", "fixAvailable": "YES"}
    body = json.dumps({**finding, "packageVulnerabilityDetails": details}).encode()
    forget = urllib.request.Request(FINDINGS, method="DELETE")
    scene.undo.callback(lambda: urllib.request.urlopen(forget, timeout=5).close())
    urllib.request.urlopen(urllib.request.Request(FINDINGS, body), timeout=5).close()


def together(*injections: Injection) -> Injection:
    """Return what does several things."""

    def inject(scene: Scene) -> None:
        for injection in injections:
            injection(scene)

    return inject


def clear() -> None:
    urllib.request.urlopen(urllib.request.Request(FAULTS, method="DELETE"), timeout=5).close()


def one(prefix: str) -> str:
    """Return the one container whose name begins so."""
    names = docker.docker("ps", "--all", f"--filter=name=^{prefix}", "--format={{.Names}}").split()
    if len(names) != 1:
        raise Failure(f"{len(names)} containers are named {prefix}…, and the drill is about one")
    return names[0]


def database(environment: str = "staging") -> str:
    return one(f"rehearsal-rds-myapp-{environment}")


def cache(environment: str = "staging") -> str:
    return one(f"rehearsal-elasticache-.*-myapp-{environment}-")


def hangs(container: Callable[[], str]) -> Injection:
    """Return what holds a server up: it accepts connections, and says nothing."""

    def inject(scene: Scene) -> None:
        name = container()
        docker.docker("pause", name)
        scene.outages.callback(docker.docker, "unpause", name)

    return inject


def stops(container: Callable[[], str]) -> Injection:
    """Return what stops a server: nothing listens any more."""

    def inject(scene: Scene) -> None:
        name = container()
        docker.docker("kill", name)
        scene.outages.callback(docker.docker, "start", name)

    return inject


def end(scene: Scene) -> None:
    """End the outages."""
    scene.outages.close()


def schema(*statements: str) -> Injection:
    """Return what promises to take back what a migration does to staging's database."""

    def inject(scene: Scene) -> None:
        scene.clean.callback(sql, "staging", *statements)

    return inject


def aside(act: Callable[[Scene], None]) -> Injection:
    """Return what is done beside the step that begins, which goes on meanwhile."""

    def inject(scene: Scene) -> None:
        def guarded() -> None:
            try:
                act(scene)
            except Failure as failure:
                scene.problem(f"the fault could not be injected: {failure}")

        thread = threading.Thread(target=guarded)
        thread.start()
        scene.undo.callback(thread.join)

    return inject
