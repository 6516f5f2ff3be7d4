"""rehearsal/box: a command in a container that has an engine of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from rehearsal import paths
from rehearsal.paths import ROOT, browser_url

BOX = ROOT / "rehearsal" / "box"


def run(*words: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run it; `path` has programs that it finds before others."""
    programs = f"{path}:/usr/bin:/bin" if path else "/usr/bin:/bin"
    return subprocess.run([BOX, *words], env={"PATH": programs}, capture_output=True, text=True)


@pytest.fixture
def docker(tmp_path: Path) -> Path:
    """A command line of Docker that takes down what it is asked, and finds nothing."""
    program = tmp_path / "docker"
    program.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/asked\ntest "$1" != version\n')
    program.chmod(0o755)
    return tmp_path


def test_without_an_engine_it_says_how_to_get_one(docker: Path) -> None:
    done = run("make", "pipeline", path=docker)
    assert done.returncode == 1
    assert done.stderr.startswith("rehearsal/box: no Docker engine answers: start Docker Desktop")
    assert (docker / "asked").read_text() == "version\n"


def test_what_it_made_is_removed_by_one_command(docker: Path) -> None:
    assert run("--remove", path=docker).returncode == 0
    assert (docker / "asked").read_text().splitlines() == [
        "rm --force rehearsal-box",
        "volume rm --force rehearsal-box-docker rehearsal-box-copy",
        "image rm --force rehearsal-box",
    ]


def test_a_wrong_option_is_wrong_usage() -> None:
    done = run("--rebuild")
    assert done.returncode == 2
    assert "usage: rehearsal/box [COMMAND...]" in done.stderr


def test_a_person_is_told_the_address_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REHEARSAL_BROWSER_PORT", raising=False)
    assert browser_url("staging") == paths.url("staging")
    monkeypatch.setenv("REHEARSAL_BROWSER_PORT", "8080")
    assert browser_url("staging") == "http://myapp-staging.elb.localhost:8080"
