"""scripts/start-docker on machines that lack different parts."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
REAL = ("bash", "cat", "chmod", "grep", "setsid", "sh", "sleep", "tail")
CLIENT = '[ -e "$HERE/pid" ] || { echo "Cannot connect to the Docker daemon" >&2; exit 1; }'
ENGINE = 'echo $$ > "$HERE/pid"; exec sleep 60'
APT = """echo "$@" >> "$HERE/apt"
[ "$1" = update ] && exit
echo '#!/bin/sh\n{}' > "$HERE/dockerd"; chmod +x "$HERE/dockerd"
echo '#!/bin/sh\n{}' > "$HERE/docker"; chmod +x "$HERE/docker\""""
NO_DAEMON = """echo 'level=info msg="Starting up"'
echo 'failed to start daemon: iptables failed: Permission denied (you must be root)'
echo ' (exit status 4)'
exit 1"""
NO_MOUNTS = "echo 'unshare: unshare failed: Operation not permitted' >&2; exit 1"
DEBIAN = {"apt_get": APT.format(ENGINE, CLIENT), "apt_cache": ""}


class Machine:
    """A folder that is the whole PATH: a few real programs, and fake ones."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in REAL:
            (folder / name).symlink_to(shutil.which(name) or name)
        self.has(id="[ $1 = -u ] && echo 0 || echo root", unshare="exit 0")

    def has(self, **programs: str) -> None:
        for name, text in programs.items():
            path = self.folder / name.replace("_", "-")
            path.write_text(f"#!/bin/sh\n{text}\n")
            path.chmod(0o755)

    def start(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        own = {"PATH": str(self.folder), "HERE": str(self.folder)}
        own["DOCKERD_LOG"] = str(self.folder / "log")
        command = ["bash", str(ROOT / "scripts" / "start-docker"), *words]
        return subprocess.run(
            command, env=own | variables, capture_output=True, text=True, timeout=60
        )

    def refusal(self, *words: str, **variables: str) -> str:
        """Return the one-line error; nothing was installed before it."""
        done = self.start(*words, **variables)
        assert (done.returncode, done.stdout) == (1, "")
        assert not self.installed()
        (line,) = done.stderr.splitlines()
        return line.removeprefix("scripts/start-docker: ")

    def installed(self) -> list[str]:
        path = self.folder / "apt"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    yield Machine(tmp_path)
    with suppress(FileNotFoundError, ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGTERM)


def test_an_engine_that_answers_is_left_alone(machine: Machine) -> None:
    machine.has(docker="exit 0", **DEBIAN)
    assert machine.start("--install").returncode == 0
    assert machine.installed() == []


def test_a_stopped_engine_is_started(machine: Machine) -> None:
    machine.has(docker=CLIENT, dockerd=ENGINE, **DEBIAN)
    assert machine.start("--install").stdout.startswith("Docker started; its log is ")
    assert machine.installed() == []


@pytest.mark.parametrize("client", [{}, {"docker": CLIENT}], ids=["nothing", "a client alone"])
def test_a_missing_engine_is_installed_and_started(
    machine: Machine, client: dict[str, str]
) -> None:
    machine.has(**client, **DEBIAN)
    done = machine.start("--install")
    assert (done.returncode, done.stderr) == (0, "")
    assert machine.installed()[1:] == ["install -qq --no-install-recommends docker.io"]


def test_the_client_of_debian_13_is_installed_too(machine: Machine) -> None:
    machine.has(**{**DEBIAN, "apt_cache": "echo docker-cli - the client"})
    assert machine.start("--install").returncode == 0
    assert machine.installed()[-1].endswith(" docker.io docker-cli")


def test_systemd_starts_the_engine_if_it_runs(machine: Machine) -> None:
    systemctl = 'if [ "$1" = start ]; then touch "$HERE/pid"; fi'
    machine.has(docker=CLIENT, dockerd="exit 1", systemctl=systemctl, touch=': > "$HERE/pid"')
    done = machine.start()
    (machine.folder / "pid").unlink()
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("programs", [DEBIAN, {"dockerd": ENGINE}], ids=["missing", "stopped"])
def test_a_user_who_is_not_root_is_told_what_to_run(
    machine: Machine, programs: dict[str, str]
) -> None:
    machine.has(docker=CLIENT, id="echo 1000", **programs)
    said = "no Docker engine answers: sudo scripts/start-docker --install"
    assert machine.refusal("--install") == said


def test_a_user_without_access_to_the_engine_is_told_what_to_run(machine: Machine) -> None:
    denied = "echo 'permission denied while trying to connect to the socket' >&2; exit 1"
    machine.has(docker=denied, id="[ $1 = -u ] && echo 1000 || echo jo", **DEBIAN)
    said = machine.refusal("--install")
    assert said.startswith(
        "jo may not use the Docker engine: sudo usermod --append --groups docker jo"
    )


def test_without_apt_get_the_source_of_docker_is_named(machine: Machine) -> None:
    machine.has(docker=CLIENT, id="echo 501")
    assert machine.refusal("--install") == (
        "no Docker engine answers: start Docker, or install it:"
        " https://docs.docker.com/get-started/get-docker/"
    )


def test_an_engine_elsewhere_is_not_replaced(machine: Machine) -> None:
    machine.has(docker=CLIENT, dockerd=ENGINE, **DEBIAN)
    said = machine.refusal("--install", DOCKER_HOST="tcp://far:2375")
    assert said.startswith("no Docker engine answers at DOCKER_HOST=tcp://far:2375: ")


def test_nothing_is_installed_if_no_engine_could_run(machine: Machine) -> None:
    machine.has(unshare=NO_MOUNTS, **DEBIAN)
    assert machine.refusal("--install").startswith(
        "no Docker engine can run here, because mounting is forbidden"
        " (unshare: unshare failed: Operation not permitted): "
    )


def test_an_engine_that_does_not_start_is_reported_with_its_reason(machine: Machine) -> None:
    machine.has(docker=CLIENT, dockerd=NO_DAEMON, **DEBIAN)
    assert machine.refusal("--install") == (
        "dockerd does not start: failed to start daemon: iptables failed: Permission denied"
        " (you must be root)"
    )


def test_an_engine_that_can_not_run_containers_is_stopped(machine: Machine) -> None:
    machine.has(docker=CLIENT, dockerd=ENGINE, unshare=NO_MOUNTS)
    assert "mounting is forbidden" in machine.refusal()
    process = int((machine.folder / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
