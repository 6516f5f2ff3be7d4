"""The ports of this machine: the usual ones, or others where somebody else uses these."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from rehearsal import docker, local_aws, ports
from rehearsal.errors import Failure
from rehearsal.paths import ROOT
from rehearsal.ports import Ports


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def free() -> int:
    """A port on which nobody listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return int(server.getsockname()[1])


@pytest.fixture(autouse=True)
def usual_ports() -> None:
    """Not given here: these tests choose."""
    ports.current.cache_clear()


@pytest.fixture(autouse=True)
def published(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The answers of `docker ps`, by filter."""
    answers: dict[str, str] = {}
    monkeypatch.setattr(docker, "docker", lambda *words: answers.get(words[1], ""))
    return answers


def candidates(monkeypatch: pytest.MonkeyPatch, web: tuple[int, ...], api: tuple[int, ...]) -> None:
    monkeypatch.setattr(ports, "WEB", web)
    monkeypatch.setattr(ports, "API", api)


def test_a_free_machine_gives_the_usual_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_taken", lambda port: False)
    assert ports.current() == Ports(80, 4566)
    assert ports.tests_prefix() == ""
    assert ports.url("staging") == "http://myapp-staging.elb.localhost"
    assert ports.moved() == []


def test_a_taken_port_is_replaced(monkeypatch: pytest.MonkeyPatch, taken: int, free: int) -> None:
    candidates(monkeypatch, (taken, free), (taken, free))
    assert ports.current() == Ports(free, free)
    assert ports.api_url() == f"http://127.0.0.1:{free}"
    assert ports.registry() == f"localhost:{free}"
    assert ports.url("staging") == f"http://myapp-staging.elb.localhost:{free}"


def test_a_port_of_ipv6_alone_is_taken() -> None:
    with socket.socket(socket.AF_INET6) as server:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            server.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
        server.listen()
        assert ports.is_taken(server.getsockname()[1])


def test_a_port_that_only_root_may_bind_is_asked_instead(
    monkeypatch: pytest.MonkeyPatch, taken: int, free: int
) -> None:
    def refuse(*words: object, **named: object) -> None:
        raise PermissionError

    monkeypatch.setattr(socket, "create_server", refuse)
    assert ports.is_taken(taken)
    assert not ports.is_taken(free)


def test_environments_that_run_keep_their_ports(
    monkeypatch: pytest.MonkeyPatch, taken: int, free: int, published: dict[str, str]
) -> None:
    candidates(monkeypatch, (free, taken), (free + 1, 4566))
    published["--filter=name=^rehearsal-aws$"] = (
        f"127.0.0.1:{taken}->4566/tcp, 127.0.0.1:4566->4566/tcp"
    )
    assert ports.current() == Ports(taken, 4566)


def test_the_services_of_the_tests_move_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_taken", lambda port: port in (6379, 13307))
    assert ports.tests_prefix() == "2"


def test_a_move_is_told_with_the_container_that_has_the_port(
    monkeypatch: pytest.MonkeyPatch, taken: int, free: int, published: dict[str, str]
) -> None:
    candidates(monkeypatch, (taken, free), (free,))
    monkeypatch.setattr(ports, "TESTS", ())
    published[f"--filter=publish={taken}"] = "shop-web"
    assert ports.moved() == [
        f"The load balancers have port {free}: the container shop-web has port {taken}."
    ]


def test_a_move_is_told_with_how_to_find_who_has_the_port(
    monkeypatch: pytest.MonkeyPatch, taken: int, free: int
) -> None:
    candidates(monkeypatch, (free,), (taken, free))
    monkeypatch.setattr(ports, "TESTS", ())
    (said,) = ports.moved()
    assert said.startswith(f"The local AWS has port {free}: port {taken} is taken")
    assert f"ss -ltnp 'sport = :{taken}'" in said


def test_curl_reaches_an_environment_whose_port_has_moved(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if not shutil.which("curl"):
        pytest.skip("no curl on this machine: apt-get install curl")
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(ports, "current", lambda: Ports(server.getsockname()[1], 4566))
        (tmp_path / ".curlrc").write_text(ports.curl_config())
        command = [
            "curl",
            "--silent",
            "--noproxy",
            "*",
            "http://myapp-staging.elb.localhost/health/",
        ]
        with subprocess.Popen(command, env=os.environ | {"CURL_HOME": str(tmp_path)}) as curl:
            server.settimeout(30)
            client, _ = server.accept()
            with client:
                assert client.recv(1000).startswith(b"GET /health/")
            curl.wait()


def test_no_free_port_at_all_is_refused(monkeypatch: pytest.MonkeyPatch, taken: int) -> None:
    candidates(monkeypatch, (taken,), (taken,))
    with pytest.raises(Failure, match=rf"the load balancers need port {taken}.*rehearsal/box"):
        ports.current()


def test_no_free_ports_for_the_tests_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_taken", lambda port: True)
    with pytest.raises(Failure, match=r"MySQL and Redis need port 3306.*rehearsal/box"):
        ports.tests_prefix()


def test_the_ports_of_the_tests_are_those_of_the_workflow() -> None:
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text()
    services = re.findall(r"- (.*):(?:3306|6379)(?: |$)", workflow, re.M)
    assert services and all(one.startswith("${{ vars.TEST_PORT_PREFIX }}") for one in services)
    numbers = re.findall(r"(?:mysql|redis)-port: (\d+)|PREFIX }}(\d+):", workflow)
    assert {int(one or other) for one, other in numbers} == set(ports.TESTS)


def test_the_local_aws_publishes_the_ports_and_knows_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []

    def engine(*words: str) -> str:
        said.extend(words)
        return ""

    monkeypatch.setattr(ports, "current", lambda: Ports(8080, 14566))
    monkeypatch.setattr(docker, "docker", engine)
    monkeypatch.setattr(docker, "remove", lambda containers: None)
    local_aws.start_aws()
    assert {"--publish=127.0.0.1:8080:4566", "--publish=127.0.0.1:14566:4566"} <= set(said)
    assert {"--env=REHEARSAL_WEB_PORT=8080", "--env=REHEARSAL_REGISTRY=localhost:14566"} <= set(
        said
    )


def test_the_runner_takes_each_address_of_the_registry_over_plain_http() -> None:
    file = ROOT / "rehearsal" / "images" / "runner-registries.conf"
    found = tomllib.loads(file.read_text())["registry"]
    assert [one["location"] for one in found] == [f"localhost:{port}" for port in ports.API]
    assert all(one["insecure"] for one in found)


def test_no_port_is_one_that_browsers_refuse() -> None:
    # https://fetch.spec.whatwg.org/#port-blocking
    refused = {1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6679, 6697, 10080}
    assert not refused & {*ports.WEB, *ports.API}
