"""gunicorn for each subject: ours as shipped, the others with gunicorn's defaults."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from delivery.ports import free_port

from .report import NotMeasured, last_line

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "bench"
PEERS_VENV = HERE / ".venv"
START_SECONDS = 30

SYNC = ["--workers", "2", "--worker-class", "sync", "--threads", "1"]
# Ours has a worker class of its own; for the others gunicorn chooses gthread.
THREADS = ["--workers", "2", "--threads", "4"]


@dataclass(frozen=True)
class Subject:
    """A program that gunicorn can serve."""

    name: str
    python: Path
    folder: Path  # where gunicorn runs, and so whether it finds our gunicorn.conf.py
    arguments: tuple[str, ...]


def peer(name: str, application: str) -> Subject:
    return Subject(name, PEERS_VENV / "bin" / "python", HERE, (f"peers:{application}",))


OURS = Subject("this service", Path(sys.executable), ROOT, ())
BARE = peer("bare WSGI function", "bare")
MINIMAL = peer("Django, no middleware", "minimal()")
DEFAULT = peer("Django, default middleware", "default()")
HEALTH_CHECK = peer("django-health-check 4.8", "health_check()")


def find(program: str, package: str) -> str:
    """Return the path of a program; raise NotMeasured with its source if it is missing."""
    if found := shutil.which(program):
        return found
    raise NotMeasured(f"{program} is missing: apt-get install {package}, or brew install {package}")


def prepare_peers() -> None:
    """Install the packages of the other projects, unless they are installed already."""
    requirements = HERE / "requirements.txt"
    stamp = PEERS_VENV / "requirements.txt"
    if stamp.is_file() and stamp.read_text() == requirements.read_text():
        return
    print("Installing what we are measured against into bench/.venv ...", flush=True)
    python, pinned = str(PEERS_VENV / "bin" / "python"), str(requirements)
    commands = [
        [sys.executable, "-m", "venv", "--clear", str(PEERS_VENV)],
        [python, "-m", "pip", "install", "--quiet", "--require-hashes", "--requirement", pinned],
    ]
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            reason = last_line(done.stderr)
            raise NotMeasured(f"bench/requirements.txt can't be installed: {reason}")
    shutil.copy(requirements, stamp)


def production(database_url: str, redis_url: str) -> dict[str, str]:
    """Return the environment of the service in production, with the benchmark's servers."""
    return {
        "PATH": os.environ["PATH"],
        "APP_ENVIRONMENT": "benchmark",
        "ALLOWED_HOSTS": "127.0.0.1",
        "SECRET_KEY": secrets.token_hex(32),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
    }


@dataclass(frozen=True)
class Server:
    """A gunicorn that answers."""

    process: subprocess.Popen[bytes]
    port: int
    seconds_to_start: float


@contextmanager
def serve(
    subject: Subject, options: list[str], environment: dict[str, str], first: str
) -> Iterator[Server]:
    """Run gunicorn while the block runs, which starts after the first 200 for `first`."""
    port = free_port()
    bind = ["--bind", f"127.0.0.1:{port}"]
    command = [str(subject.python), "-m", "gunicorn", *bind, *options, *subject.arguments]
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(
            command, cwd=subject.folder, env=environment, stdout=log, stderr=log
        ) as process,
    ):
        try:
            seconds = _wait_for_200(process, port, first)
            if seconds is None:
                log.seek(0)
                reason = last_line(log.read().decode(errors="replace"))
                raise NotMeasured(f"{subject.name} did not start: {reason}")
            yield Server(process, port, seconds)
        finally:
            _stop(process)


def _wait_for_200(process: subprocess.Popen[bytes], port: int, path: str) -> float | None:
    begin = time.perf_counter()
    while time.perf_counter() - begin < START_SECONDS and process.poll() is None:
        with suppress(OSError):
            if get(port, path) == "200":
                return time.perf_counter() - begin
        time.sleep(0.002)
    return None


def get(port: int, path: str) -> str:
    """Return the status of a GET like a load balancer's; http.client would be slower."""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-Proto: https\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(f"{request}Connection: close\r\n\r\n".encode())
        return connection.recv(64)[9:12].decode()


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
