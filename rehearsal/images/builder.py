"""Provide the images of the rehearsal to this machine's Docker.

It pulls images from a registry. If no registry can be reached, it builds stand-ins from Debian
packages, and prints each use of one. Stand-ins and our own images are rebuilt when their files
change.
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
class OwnImage:
    """One of our own images: its Dockerfile, and its files from the repository."""

    dockerfile: str
    files: tuple[str, ...]


PYTHON = "python:3.11-slim-bookworm"
RUNNER = "rehearsal-runner"
# The runner takes longest and needs the other two, so no other image may delay these.
CRITICAL_PATH = {BOOKWORM, PYTHON, RUNNER}
_REDIS = StandIn("redis.Dockerfile", BOOKWORM, "Redis 7.0 from Debian 12")
_MYSQL = StandIn("mysql.Dockerfile", SID, "MySQL 9.7 or newer from Debian sid")
PULLED = {
    PYTHON: StandIn("python.Dockerfile", BOOKWORM, "Python 3.11 from Debian 12"),
    "mysql:8.0": _MYSQL,
    "mysql:8.4": _MYSQL,
    "redis:7-alpine": _REDIS,
    "valkey/valkey:7.2-alpine": _REDIS,
    "ghcr.io/trufflesecurity/trufflehog:3.97.0": StandIn(
        "trufflehog.Dockerfile", SID, "an older TruffleHog from Debian sid"
    ),
}
# Requirements that jobs install with pip. The runner's Python has them already.
PINNED = ("requirements.txt", "requirements-ci.txt", "rehearsal/requirements.txt")
OWN = {
    "rehearsal-aws": OwnImage(
        "aws.Dockerfile", ("rehearsal/aws/requirements.txt", "rehearsal/aws")
    ),
    RUNNER: OwnImage(
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
    """Return the labels of a local image; None if there is no such image."""
    done = docker("image", "inspect", "--format", "{{json .Config.Labels}}", image)
    if done.returncode == 0:
        return json.loads(done.stdout) or {}
    if "no such image" in done.stderr.lower():
        return None
    raise BuildError(f"Docker does not answer: {done.stderr.strip()}")


def pull(image: str) -> str:
    """Pull an image with a short time-out; return the reason if it failed, else an empty text."""
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
    """Return the first Docker CLI on the PATH that has BuildKit, and its variables.

    Version 23 and newer use BuildKit by default if Buildx is installed. Older versions need a
    variable. A machine can have both.
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


def sources(own: OwnImage) -> list[Path]:
    """Return the files from which one of our own images is built."""
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
    """Return the tool cache in the runner for the jobs of the commit in `folder`.

    The filled one has the packages that this clone pins. A commit with other pins gets the empty
    one, so that its jobs install and verify them.
    """
    for name in PINNED:
        file = folder / name
        if not file.is_file() or file.read_bytes() != (ROOT / name).read_bytes():
            return "/opt/toolcache/empty"
    return "/opt/toolcache/filled"


class Builder:
    """Builds each image once, and independent images in parallel."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.pool = pool
        self.started: dict[str, Future[None]] = {}
        self.lock = threading.Lock()
        # Of two images from one Dockerfile, the second is a tag of the first.
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
            print(f"{image} exists.")
            return
        if known and known.get(SOURCES) == mark:
            print(f"OFFLINE: {image} is replaced by {known[STAND_IN_IS]}")
            return
        with PROGRESS.making(image, "pulling"):
            reason = pull(image)
        if not reason:
            print(f"{image} pulled: {time.monotonic() - start:.0f} s")
            return
        print(f"  {image} cannot be pulled: {reason}")
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
        print(f"OFFLINE: {image} is replaced by {stand_in.what}")

    def base(self, image: str) -> None:
        start = time.monotonic()
        if labels(image) is None:
            with self.place(image), PROGRESS.making(image, "building from Debian packages"):
                bootstrap(image)
            print(f"  {image} built from Debian packages: {time.monotonic() - start:.0f} s")

    def own(self, image: str) -> None:
        self.start(PYTHON).result()
        start, own = time.monotonic(), OWN[image]
        files = sources(own)
        base = docker("image", "inspect", "--format", "{{.Id}}", PYTHON).stdout.strip()
        mark = fingerprint(files, base)
        if (labels(image) or {}).get(SOURCES) == mark:
            print(f"{image} is up to date.")
            return
        with self.place(image), PROGRESS.making(image, "building"):
            build(image, own.dockerfile, files, {SOURCES: mark, STAND_IN_FOR: ""})
        print(f"{image} built: {time.monotonic() - start:.0f} s")


def make(images: Sequence[str]) -> int:
    """Provide images; print the failed ones and return their number."""
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
        help=f"an image, or `all` (default: {PYTHON})",
    )
    images = parser.parse_args().images
    if images == ["all"]:
        images = [*PULLED, *OWN]
    known = [*PULLED, *OWN]
    if unknown := [image for image in images if image not in known]:
        parser.error(f"unknown image {unknown[0]}; the rehearsal's images: {', '.join(known)}")
    if not shutil.which("docker"):
        parser.error("docker is missing: run apt-get install docker.io, or install Docker Desktop")
    return 1 if make(images) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nrehearsal/images/build: interrupted; finished images are kept")
