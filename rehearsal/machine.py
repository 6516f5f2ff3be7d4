"""Requirements of a rehearsal on the machine, checked before it creates anything."""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rehearsal import capacity, docker, leftovers, ports
from rehearsal.errors import Failure
from rehearsal.paths import AWS, AWS_IMAGE, OUT, ROOT, RUNNER_IMAGE

# A first run used 9 GB for images, layers and databases. A run that finds its images uses little.
FIRST_RUN_GB = 12
LATER_RUN_GB = 3
# All containers used 2.7 GB with four parallel jobs, and 0.75 GB without jobs. No workflow has more
# than four jobs. act starts jobs in no fixed order, so with fewer the longest may have to wait.
JOBS, JOB_MB, ENVIRONMENTS_MB = 4, 500, 1000


def check() -> None:
    """Raise Failure unless a rehearsal can run here; print what will be other than usual."""
    start_docker()
    check_owner()
    leftovers.remove()  # which have ports and memory
    has_images = all(map(docker.has_image, (AWS_IMAGE, RUNNER_IMAGE)))
    check_disk(LATER_RUN_GB if has_images else FIRST_RUN_GB)
    for line in ports.moved():
        print(line)
    check_capacity()


def start_docker() -> None:
    """Start the Docker engine; on Debian and Ubuntu, as root, install it if missing."""
    done = subprocess.run(
        [ROOT / "scripts" / "start-docker", "--install"], stderr=subprocess.PIPE, text=True
    )
    if done.returncode:
        raise Failure(done.stderr.strip().removeprefix("scripts/start-docker: "))


def jobs_at_once() -> int:
    """Return the number of jobs to run in parallel: two per processor, if memory allows."""
    for_jobs = capacity.free_memory_mb()
    if not docker.is_running(AWS):
        for_jobs -= ENVIRONMENTS_MB
    return max(0, min(JOBS, 2 * capacity.processors(), int(for_jobs // JOB_MB)))


def check_capacity() -> None:
    """Raise Failure if memory is too small for one job; warn if fewer jobs than usual can run."""
    jobs, free = jobs_at_once(), capacity.free_memory_mb() / 1000
    if not jobs:
        needed = (ENVIRONMENTS_MB + JOB_MB) / 1000
        raise Failure(
            f"a rehearsal needs {needed:.1f} GB of free memory, but only {free:.1f} GB are free:"
            " end other programs, or use a machine with 4 GB of memory"
        )
    if jobs < JOBS:
        count = capacity.processors()
        print(
            f"{count} processor{'s' * (count > 1)} and {free:.1f} GB of free memory:"
            f" {jobs} job{'s' * (jobs > 1)} in parallel instead of {JOBS},"
            " so the rehearsal takes longer."
        )


def check_owner() -> None:
    """Raise Failure if a rehearsal of another clone is up: a machine has only one local AWS.

    A stopped local AWS, as after a restart of the machine, is no obstacle: `start` replaces it.
    """
    owner = docker.docker("ps", f"--filter=name=^{AWS}$", '--format={{.Label "rehearsal.root"}}')
    if owner and owner != str(ROOT):
        command = f"make -C {shlex.quote(owner)} pipeline-down"
        raise Failure(f"a rehearsal of another clone is up; remove it: {command}")


def check_disk(needed: int) -> None:
    """Raise Failure if Docker would run out of disk space."""
    folder = Path(docker.docker("info", "--format={{.DockerRootDir}}"))
    free = shutil.disk_usage(folder if folder.exists() else ROOT).free / 1e9
    if free < needed:
        raise Failure(
            f"a rehearsal needs {needed} GB of free disk for Docker, but only {free:.0f} GB are"
            " free: docker system prune removes unused images"
        )


@contextmanager
def alone() -> Iterator[None]:
    """Hold the lock of this clone's rehearsal; the kernel releases it if the process is killed."""
    OUT.mkdir(exist_ok=True)
    path = OUT / "lock"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise Failure(
                f"another rehearsal is running (process {file.read().strip() or 'unknown'}):"
                " wait for it, or stop it with Ctrl-C"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
