"""Provide the images of the rehearsal to this machine's Docker.

Images are pulled from a registry. If none is reachable, a stand-in is built from Debian packages,
and each use of it is reported. Stand-ins and our own images are rebuilt when a file of theirs
changes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from rehearsal.capacity import processors
from rehearsal.images.debian import BASES, BOOKWORM, SID, bootstrap
from rehearsal.images.inherited import write_machine
from rehearsal.images.progress import PROGRESS, BuildError, run

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SECONDS_TO_ANSWER = 15
# Labels: the replaced image, a note on the replacement, and a hash of its sources.
STAND_IN_FOR, STAND_IN_IS = "stand-in.for", "stand-in.is"
SOURCES = "rehearsal.sources"


@dataclass(frozen=True)
class StandIn:
    """The replacement of an image that can't be pulled."""

    dockerfile: str
    base: str
    what: str


@dataclass(frozen=True)
class Own:
    """An image of ours: its Dockerfile, and its files from the repository."""

    dockerfile: str
    files: tuple[str, ...]


PYTHON = "python:3.11-slim-bookworm"
RUNNER = "rehearsal-runner"
# The runner takes longest, and needs the other two: nothing else may hold these up.
CRITICAL_PATH = {BOOKWORM, PYTHON, RUNNER}
_REDIS = StandIn("redis.Dockerfile", BOOKWORM, "Redis 7.0 of Debian 12")
_MYSQL = StandIn("mysql.Dockerfile", SID, "the MySQL of Debian sid, 9.7 or newer")
PULLED = {
    PYTHON: StandIn("python.Dockerfile", BOOKWORM, "Python 3.11 of Debian 12"),
    "mysql:8.0": _MYSQL,
    "mysql:8.4": _MYSQL,
    "redis:7-alpine": _REDIS,
    "valkey/valkey:7.2-alpine": _REDIS,
    "ghcr.io/trufflesecurity/trufflehog:3.97.0": StandIn(
        "trufflehog.Dockerfile", SID, "the older TruffleHog of Debian sid"
    ),
}
# Requirements that jobs install with pip, and that the runner's Python already has.
PINNED = ("requirements.txt", "requirements-ci.txt", "rehearsal/requirements.txt")
OWN = {
    "rehearsal-aws": Own("aws.Dockerfile", ("rehearsal/aws/requirements.txt", "rehearsal/aws")),
    RUNNER: Own(
        "runner.Dockerfile",
        (
            *PINNED,
            "rehearsal/images/runner-registries.conf",
            "rehearsal/images/runner-requirements.txt",
        ),
    ),
}


def docker(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *words], capture_output=True, text=True)


def labels(image: str) -> dict[str, str] | None:
    """Return the labels of a local image; empty if there is no such image."""
    done = docker("image", "inspect", "--format", "{{json .Config.Labels}}", image)
    if done.returncode == 0:
        return json.loads(done.stdout) or {}
    if "no such image" in done.stderr.lower():
        return None
    raise BuildError(f"Docker does not answer: {done.stderr.strip()}")


def pull(image: str) -> str:
    """Pull an image with a short time-out; return empty, or the reason why it failed."""
    with subprocess.Popen(
        ["docker", "pull", image], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout
        silent = threading.Event()

        def give_up() -> None:
            silent.set()
            process.kill()

        timer = threading.Timer(SECONDS_TO_ANSWER, give_up)
        timer.start()
        lines = [process.stdout.readline()]
        timer.cancel()
        lines += process.stdout.readlines()
    if process.returncode == 0:
        return ""
    return f"no answer within {SECONDS_TO_ANSWER} s" if silent.is_set() else lines[-1].strip()


def build_command() -> tuple[str, dict[str, str]]:
    """Return the Docker CLI to build with, and its variables: the first that has BuildKit.

    Version 23 and newer have it where Buildx is installed, and use it by themselves; older ones
    have it, and have to be told. A machine can have one of each.
    """
    on = {"DOCKER_BUILDKIT": "1"}
    for folder in os.get_exec_path():
        if program := shutil.which("docker", path=folder):
            asked = [program, "build", "--help"]
            if not subprocess.run(asked, env=os.environ | on, capture_output=True).returncode:
                return program, on
    return "docker", {}


def build(image: str, dockerfile: str, files: Sequence[Path], marks: dict[str, str]) -> None:
    """Build an image from our Dockerfile with only these files of the repository."""
    with tempfile.TemporaryDirectory() as name:
        context = Path(name)
        for file in files:
            target = context / file.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
        write_machine(context / "machine")
        options = [f"--label={key}={value}" for key, value in marks.items()]
        options += ["--network=host", f"--file={HERE / dockerfile}", f"--tag={image}"]
        program, variables = build_command()
        run(program, "build", *options, str(context), **variables)


def sources(own: Own) -> list[Path]:
    """Return the files from which an image of ours is built."""
    found = [HERE / own.dockerfile]
    for name in own.files:
        path = ROOT / name
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    for file in found:
        if not file.is_file():
            raise BuildError(f"{file.relative_to(ROOT)} is missing")
    return found


def fingerprint(files: Sequence[Path], base: str) -> str:
    """Return a hash of the names and contents of files, and of the base image."""
    total = hashlib.sha256(base.encode())
    for file in files:
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        total.update(f"{file.relative_to(ROOT)} {content}\n".encode())
    return total.hexdigest()


def tool_cache(folder: Path) -> str:
    """Return where, in the runner, the jobs of the commit in `folder` take their Python from.

    Its own pins must be proved, so it starts from nothing unless they are those of the runner.
    """
    for name in PINNED:
        file = folder / name
        if not file.is_file() or file.read_bytes() != (ROOT / name).read_bytes():
            return "/opt/toolcache/empty"
    return "/opt/toolcache/filled"


class Builder:
    """Builds each image once, independent ones at the same time."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.pool = pool
        self.started: dict[str, Future[None]] = {}
        self.lock = threading.Lock()
        # Two images of one Dockerfile: the second is the first under another name.
        self.turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        # One processor is left to the critical path.
        self.others = threading.Semaphore(max(1, processors() - 1))

    def start(self, image: str) -> Future[None]:
        with self.lock:
            if image not in self.started:
                make = self.own if image in OWN else self.base if image in BASES else self.pulled
                self.started[image] = self.pool.submit(make, image)
            return self.started[image]

    def place(self, image: str) -> AbstractContextManager[object]:
        """Return the lock to hold while an image is built."""
        return nullcontext() if image in CRITICAL_PATH else self.others

    def pulled(self, image: str) -> None:
        start, stand_in = time.monotonic(), PULLED[image]
        files = sorted(HERE.glob(f"{Path(stand_in.dockerfile).stem}-entrypoint"))
        mark = fingerprint([HERE / stand_in.dockerfile, *files], stand_in.base)
        known = labels(image)
        if known is not None and STAND_IN_FOR not in known:
            print(f"{image} is here.")
            return
        if known and known.get(SOURCES) == mark:
            print(f"OFFLINE: {image} is {known[STAND_IN_IS]}")
            return
        with PROGRESS.making(image, "pulling"):
            reason = pull(image)
        if not reason:
            print(f"{image} pulled: {time.monotonic() - start:.0f} s")
            return
        print(f"  {image} can't be pulled: {reason}")
        self.start(stand_in.base).result()
        alike = [name for name, other in PULLED.items() if other == stand_in]
        with self.turns[stand_in.dockerfile]:
            for other in alike:
                if (labels(other) or {}).get(SOURCES) == mark:
                    run("docker", "tag", other, image)
                    break
            else:
                marks = {STAND_IN_FOR: " ".join(alike), STAND_IN_IS: stand_in.what, SOURCES: mark}
                with self.place(image), PROGRESS.making(image, "building a stand-in"):
                    build(image, stand_in.dockerfile, files, marks)
        print(f"  {image} built: {time.monotonic() - start:.0f} s")
        print(f"OFFLINE: {image} is {stand_in.what}")

    def base(self, image: str) -> None:
        start = time.monotonic()
        if labels(image) is None:
            with self.place(image), PROGRESS.making(image, "Debian, from its packages"):
                bootstrap(image)
            print(f"  {image} built, from Debian packages: {time.monotonic() - start:.0f} s")

    def own(self, image: str) -> None:
        self.start(PYTHON).result()
        start, own = time.monotonic(), OWN[image]
        files = sources(own)
        base = docker("image", "inspect", "--format", "{{.Id}}", PYTHON).stdout.strip()
        mark = fingerprint(files, base)
        if (labels(image) or {}).get(SOURCES) == mark:
            print(f"{image} is here.")
            return
        with self.place(image), PROGRESS.making(image, "building"):
            build(image, own.dockerfile, files, {SOURCES: mark, STAND_IN_FOR: ""})
        print(f"{image} built: {time.monotonic() - start:.0f} s")


def make(images: Sequence[str]) -> int:
    """Provide images; return the number of those that failed, each of which is reported."""
    failed: dict[str, str] = {}
    ended = threading.Event()
    threading.Thread(target=PROGRESS.print_until, args=[ended], daemon=True).start()
    with ThreadPoolExecutor(len(PULLED) + len(OWN) + len(BASES)) as pool:
        builder = Builder(pool)
        PROGRESS.wanted = [builder.start(image) for image in images]
        for image, future in zip(images, PROGRESS.wanted, strict=True):
            try:
                future.result()
            except BuildError as failure:
                failed[image] = str(failure)
            except KeyboardInterrupt:
                pool.shutdown(cancel_futures=True)
                raise
    ended.set()
    for image, why in failed.items():
        print(f"rehearsal/images/build: {image}: {why}", file=sys.stderr)
    return len(failed)


def main() -> int:
    parser = argparse.ArgumentParser(
        "rehearsal/images/build",
        description=__doc__,
        epilog=f"Images: {', '.join([*PULLED, *OWN])}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "images",
        nargs="*",
        default=[PYTHON],
        metavar="IMAGE",
        help=f"or `all`; without any, {PYTHON}",
    )
    images = parser.parse_args().images
    if images == ["all"]:
        images = [*PULLED, *OWN]
    known = [*PULLED, *OWN]
    if unknown := [image for image in images if image not in known]:
        parser.error(f"{unknown[0]} is none of the rehearsal's images: {', '.join(known)}")
    if not shutil.which("docker"):
        parser.error("docker is missing: apt-get install docker.io, or Docker Desktop")
    return 1 if make(images) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nrehearsal/images/build: stopped; what is built stays")
