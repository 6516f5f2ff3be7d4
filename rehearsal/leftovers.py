"""Containers and networks of an act that was killed."""

from __future__ import annotations

from rehearsal import docker

# act names its containers after the workflow and the job, so they can be found if it was killed.
CONTAINERS = ("act-Test-", "act-Deploy-to-Staging-", "act-Deploy-to-Production-")


def remove() -> None:
    """Remove the job containers, services and networks of an act that was killed."""
    for prefix in CONTAINERS:
        docker.remove(docker.ours(f"name=^{prefix}"))
        networks = docker.docker("network", "ls", "--quiet", f"--filter=name=^{prefix}").split()
        if networks:
            docker.docker("network", "rm", *networks)
