"""What can be done to what runs: containers held up or stopped, calls of AWS that fail."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from rehearsal import docker
from rehearsal.drills.drill import Injection
from rehearsal.drills.scene import Scene
from rehearsal.places import API
from scripts.aws import Failure

FAULTS = f"{API}/_rehearsal/faults"


def aws(**fault: Any) -> Injection:
    """Return what lets calls of AWS or of the registry fail: see rehearsal/aws/faults.py."""

    def inject(scene: Scene) -> None:
        scene.undo.callback(clear)
        request = urllib.request.Request(FAULTS, json.dumps(fault).encode())
        urllib.request.urlopen(request, timeout=5).close()

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


def hang(container: str) -> None:
    """Hold a server up: it accepts connections, and says nothing."""
    docker.docker("pause", container)


def release(container: str) -> None:
    docker.docker("unpause", container)
