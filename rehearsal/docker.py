"""Client for the Docker CLI, whose errors have one line."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from rehearsal.errors import Failure
from rehearsal.paths import LABEL


def docker(*words: str, text: str | None = None) -> str:
    """Run a Docker command and return its output."""
    try:
        done = subprocess.run(["docker", *words], input=text, capture_output=True, text=True)
    except FileNotFoundError:
        raise Failure(
            "docker is missing: https://docs.docker.com/get-started/get-docker/"
        ) from None
    if done.returncode:
        raise Failure(f"docker {words[0]}: {' '.join(done.stderr.split()) or 'failed'}")
    return done.stdout.strip()


def is_running(container: str) -> bool:
    return bool(docker("ps", "--quiet", "--filter", f"name=^{container}$"))


def remove(containers: Sequence[str]) -> None:
    """Remove containers and their anonymous volumes; ignore those that are gone already."""
    if containers:
        subprocess.run(["docker", "rm", "--force", "--volumes", *containers], capture_output=True)


def ours(*filters: str) -> list[str]:
    """Return the containers with our label, or those that match other filters."""
    words = filters or (f"label={LABEL}",)
    return docker("ps", "--all", "--quiet", *(f"--filter={word}" for word in words)).split()


def answers() -> bool:
    """Return whether a Docker engine answers."""
    try:
        docker("version")
    except Failure:
        return False
    return True


def has_image(name: str) -> bool:
    return bool(docker("image", "ls", "--quiet", name))


def images(pattern: str) -> list[str]:
    """Return the matching images as name:tag, or as name@digest if they have no tag."""
    listed = docker(
        *("image", "ls", "--digests", f"--filter=reference={pattern}"),
        "--format={{.Repository}} {{.Tag}} {{.Digest}}",
    )
    rows = (line.split() for line in listed.splitlines())
    return [
        f"{name}:{tag}" if tag != "<none>" else f"{name}@{digest}" for name, tag, digest in rows
    ]
