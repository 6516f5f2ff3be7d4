"""The health check of a container: one command, in the image and in the task definition."""

import json
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.cloudformation import Resolver

DOCKERFILE = (Path(__file__).resolve().parents[3] / "Dockerfile").read_text().replace("\\\n", "")
pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("bash", "timeout"))), reason="bash or timeout is not installed"
)


def of_the_image() -> list[str]:
    """Return the command of the Dockerfile's HEALTHCHECK."""
    (command,) = re.findall(r"^HEALTHCHECK .*? CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    return list(json.loads(command))


def of_ecs() -> dict[str, Any]:
    """Return the health check of the task definition."""
    (container,) = Resolver("service", "staging").resource("TaskDefinition")["ContainerDefinitions"]
    return dict(container["HealthCheck"])


@contextmanager
def server(answer: bytes) -> Iterator[int]:
    """Yield the port of a server that sends these bytes and closes the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with listener.accept()[0] as connection:
                connection.recv(1024)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def check(port: int, seconds: str = "10") -> int:
    """Return the exit code of the health check within a time limit in seconds."""
    program, _, *words = of_the_image()
    assert program == "timeout"
    environment = {"PORT": str(port), "PATH": "/usr/bin:/bin"}
    return subprocess.run([program, seconds, *words], env=environment).returncode


def test_the_image_and_the_task_definition_have_the_same_health_check() -> None:
    assert of_ecs()["Command"] == ["CMD", *of_the_image()]


def test_the_health_check_times_out_before_docker_and_ecs_stop_it() -> None:
    seconds = int(of_the_image()[1])
    assert seconds < of_ecs()["Timeout"]
    (given,) = re.findall(r"^HEALTHCHECK .*--timeout=(\d+)s", DOCKERFILE, re.MULTILINE)
    assert seconds < int(given)


def test_status_200_is_healthy() -> None:
    with server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as port:
        assert check(port) == 0


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 500 Internal Server Error\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\n\r\n200",
        b"HTTP/1.1 200",
        b"HTTP/1.1 20",
        b"",
    ],
    ids=["500", "404", "no end of line", "cut off", "nothing"],
)
def test_any_other_answer_is_unhealthy(answer: bytes) -> None:
    with server(answer) as port:
        assert check(port) != 0


def test_a_closed_port_is_unhealthy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert check(port) != 0


def test_a_silent_server_is_unhealthy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert check(listener.getsockname()[1], "0.2") != 0


def test_a_server_that_accepts_no_connections_is_unhealthy() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):  # the one that waits to be accepted
            assert check(port, "0.2") != 0
