"""The requirements on the machine, which are checked before anything is created."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from rehearsal import capacity, docker, machine, ports
from rehearsal.errors import Failure
from rehearsal.paths import ROOT
from rehearsal.ports import Ports

Says = Callable[..., str]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The answers of Docker, by the first word of the command."""
    answers: dict[str, str] = {}
    monkeypatch.setattr(docker, "docker", lambda *words: answers.get(words[0], ""))
    return answers


def test_a_missing_docker_is_an_error_with_a_link(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Failure, match=r"docker is missing: https://docs\.docker\.com"):
        docker.docker("ps")


def test_a_rehearsal_starts_the_engine_before_it_installs_packages() -> None:
    makefile = (ROOT / "rehearsal" / "Makefile").read_text()
    recipes = re.findall(r"^([a-z-]+):.*\n((?:\t.*\n)+)", makefile, re.M)
    rehearse = re.compile(r"-m rehearsal (pipeline|drill|quiz)|--kind rehearsal|-m rehearsal.bench")
    found = {name: recipe.split("\n") for name, recipe in recipes if rehearse.search(recipe)}
    wanted = {"pipeline", "drills", "quiz"}
    wanted.add("bench-pipeline")  # only with: template
    assert wanted <= found.keys()
    for first, second, *_ in found.values():
        assert first == "\t@scripts/start-docker --install"
        assert second == "\t@scripts/bootstrap test rehearsal/requirements.txt"


def test_a_port_that_is_not_the_usual_one_is_printed(
    monkeypatch: pytest.MonkeyPatch, engine: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("start_docker", "check_owner", "check_disk", "check_capacity"):
        monkeypatch.setattr(machine, name, lambda *words: None)
    monkeypatch.setattr(ports, "current", lambda: Ports(web=8080))
    machine.check()
    assert capsys.readouterr().out.startswith("The load balancers have port 8080")


def test_a_full_disk_is_refused(monkeypatch: pytest.MonkeyPatch, engine: dict[str, str]) -> None:
    engine["info"] = "/"
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1.2e9))
    with pytest.raises(Failure, match=r"needs 3 GB of .* only 1 GB are free"):
        machine.check_disk(3)


def has(monkeypatch: pytest.MonkeyPatch, processors: int, free_mb: float) -> None:
    monkeypatch.setattr(capacity, "processors", lambda: processors)
    monkeypatch.setattr(capacity, "free_memory_mb", lambda: free_mb)


@pytest.mark.parametrize(
    ("processors", "free_mb", "jobs"), [(2, 3000, 4), (1, 8000, 2), (8, 2600, 3), (2, 1499, 0)]
)
def test_the_number_of_jobs_depends_on_processors_and_memory(
    processors: int,
    free_mb: float,
    jobs: int,
    monkeypatch: pytest.MonkeyPatch,
    engine: dict[str, str],
) -> None:
    has(monkeypatch, processors, free_mb)
    assert machine.jobs_at_once() == jobs


def test_running_environments_need_no_further_memory(
    monkeypatch: pytest.MonkeyPatch, engine: dict[str, str]
) -> None:
    has(monkeypatch, 2, 2000)
    engine["ps"] = "rehearsal-aws"
    assert machine.jobs_at_once() == 4


def test_a_small_machine_gets_a_warning(
    monkeypatch: pytest.MonkeyPatch, engine: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    has(monkeypatch, 1, 2600)
    machine.check_capacity()
    said = "1 processor and 2.6 GB of free memory: 2 jobs in parallel instead of 4,"
    assert capsys.readouterr().out.startswith(said)


def test_too_little_memory_is_refused(
    monkeypatch: pytest.MonkeyPatch, engine: dict[str, str]
) -> None:
    has(monkeypatch, 2, 1200)
    with pytest.raises(Failure, match=r"needs 1\.5 GB of .* only 1\.2 GB are free"):
        machine.check_capacity()


def test_a_rehearsal_of_another_clone_is_refused(engine: dict[str, str]) -> None:
    engine["ps"] = "/home/some body/shop"
    with pytest.raises(Failure, match="make -C '/home/some body/shop' pipeline-down"):
        machine.check_owner()


def test_a_stopped_rehearsal_of_another_clone_is_no_obstacle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def docker_ps(*words: str) -> str:
        return "/home/somebody/shop" if "--all" in words else ""

    monkeypatch.setattr(docker, "docker", docker_ps)
    machine.check_owner()


def test_only_one_rehearsal_runs_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "OUT", tmp_path / "out")
    again = pytest.raises(Failure, match=r"another rehearsal is running \(process \d+\)")
    with machine.alone(), again, machine.alone():
        pass
    with machine.alone():
        pass


def test_an_image_without_a_tag_is_named_by_its_digest(engine: dict[str, str]) -> None:
    engine["image"] = "shop v1.0.0 sha256:a1\nshop <none> sha256:b2"
    assert docker.images("shop") == ["shop:v1.0.0", "shop@sha256:b2"]
