"""Requirements of a rehearsal on the machine, checked before anything is made."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rehearsal import capacity, docker
from rehearsal.errors import Failure
from rehearsal.paths import (
    API_PORT,
    AWS,
    AWS_IMAGE,
    LABEL,
    OUT,
    ROOT,
    RUNNER_IMAGE,
    WEB_PORT,
)

# Images, layers and databases of a first run came to 9 GB; one that finds its images adds little.
FIRST_RUN_GB = 12
LATER_RUN_GB = 3
# All containers came to 2.7 GB with four jobs at once, and to 0.75 GB without any. More jobs than
# four no workflow has; act begins them in no order, so with fewer the longest may wait for another.
JOBS, JOB_MB, ENVIRONMENTS_MB = 4, 500, 1000
PORTS = {
    WEB_PORT: "the load balancers",
    API_PORT: "the local AWS",
    3306: "test.yml's MySQL 8.4",
    3307: "test.yml's MySQL of `delivery`",
    3308: "test.yml's MySQL 8.0",
    6379: "test.yml's Redis",
    6380: "test.yml's other Redis",
}


def check() -> None:
    """Raise Failure unless a rehearsal can run here; warn if it will take longer."""
    start_docker()
    check_owner()
    has_images = all(map(docker.has_image, (AWS_IMAGE, RUNNER_IMAGE)))
    check_disk(LATER_RUN_GB if has_images else FIRST_RUN_GB)
    check_ports()
    check_capacity()


def start_docker() -> None:
    """Start the Docker engine; on Debian and Ubuntu, as root, install it if missing."""
    done = subprocess.run(
        [ROOT / "scripts" / "start-docker", "--install"], stderr=subprocess.PIPE, text=True
    )
    if done.returncode:
        raise Failure(done.stderr.strip().removeprefix("scripts/start-docker: "))


def jobs_at_once() -> int:
    """Return the number of jobs of a workflow at the same time: two for each processor."""
    for_jobs = capacity.free_memory_mb()
    if not docker.is_running(AWS):
        for_jobs -= ENVIRONMENTS_MB
    return max(0, min(JOBS, 2 * capacity.processors(), int(for_jobs // JOB_MB)))


def check_capacity() -> None:
    """Raise Failure if not even one job has room; warn if fewer than usual can run at once."""
    jobs, free = jobs_at_once(), capacity.free_memory_mb() / 1000
    if not jobs:
        needed = (ENVIRONMENTS_MB + JOB_MB) / 1000
        raise Failure(
            f"{free:.1f} GB of memory are free, and a rehearsal needs {needed:.1f} GB:"
            " end other programs, or use a machine with 4 GB"
        )
    if jobs < JOBS:
        count = capacity.processors()
        print(
            f"{count} processor{'s' * (count > 1)} and {free:.1f} GB of free memory:"
            f" {jobs} job{'s' * (jobs > 1)} at once instead of {JOBS}, so it takes longer."
        )


def check_owner() -> None:
    """Refuse where another clone's rehearsal is up: there is one local AWS to a machine.

    What stands still, as after a restart of the machine, keeps nobody out: `start` replaces it.
    """
    owner = docker.docker("ps", f"--filter=name=^{AWS}$", '--format={{.Label "rehearsal.root"}}')
    if owner and owner != str(ROOT):
        raise Failure(f"the rehearsal of another clone is up: make -C {owner} pipeline-down")


def check_disk(needed: int) -> None:
    """Raise Failure if Docker would run out of disk space."""
    folder = Path(docker.docker("info", "--format={{.DockerRootDir}}"))
    free = shutil.disk_usage(folder if folder.exists() else ROOT).free / 1e9
    if free < needed:
        raise Failure(
            f"{free:.0f} GB are free where Docker keeps its images, and {needed} are needed:"
            " docker system prune frees what nothing uses"
        )


def check_ports() -> None:
    """Raise Failure if another program listens on a port of the rehearsal."""
    for port, user in PORTS.items():
        if publishes(port, f"label={LABEL}"):
            continue
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                continue
        holder = publishes(port)
        raise Failure(
            f"port {port} is taken, and {user} needs it:"
            + (f" docker stop {holder}" if holder else f" ss -ltnp 'sport = :{port}' says by what")
            + "; or use rehearsal/box, which has its own ports"
        )


def publishes(port: int, *filters: str) -> str:
    """Return the container that publishes a port, if any."""
    words = [f"--filter={word}" for word in (f"publish={port}", *filters)]
    return docker.docker("ps", "--format={{.Names}}", *words).partition("\n")[0]


@contextmanager
def alone() -> Iterator[None]:
    """Hold the lock for one rehearsal in this clone; the kernel frees it if we are killed."""
    OUT.mkdir(exist_ok=True)
    path = OUT / "lock"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise Failure(
                f"a rehearsal is running already (process {file.read().strip() or 'unknown'}):"
                " wait for it, or stop it with Ctrl-C"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
