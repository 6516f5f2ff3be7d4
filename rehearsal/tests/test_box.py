"""rehearsal/box: a command in a container with its own Docker engine."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from rehearsal.paths import ROOT
from rehearsal.ports import browser_url, url

BOX = ROOT / "rehearsal" / "box"


def run(*words: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run rehearsal/box with a folder of programs first on the PATH."""
    programs = f"{path}:/usr/bin:/bin" if path else "/usr/bin:/bin"
    return subprocess.run([BOX, *words], env={"PATH": programs}, capture_output=True, text=True)


@pytest.fixture
def docker(tmp_path: Path) -> Path:
    """A fake Docker CLI that records its arguments and finds nothing."""
    program = tmp_path / "docker"
    program.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/asked\ntest "$1" != version\n')
    program.chmod(0o755)
    return tmp_path


def test_a_missing_engine_is_an_error_that_says_how_to_get_one(docker: Path) -> None:
    done = run("make", "pipeline", path=docker)
    assert done.returncode == 1
    assert done.stderr.startswith("rehearsal/box: no Docker engine answers: start Docker Desktop")
    assert (docker / "asked").read_text() == "version\n"


def test_a_git_worktree_is_refused(tmp_path: Path) -> None:
    for name in ("rehearsal/box", ".devcontainer/Dockerfile"):
        (tmp_path / name).parent.mkdir()
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / ".git").write_text("gitdir: elsewhere\n")
    (tmp_path / "docker").symlink_to("/bin/true")
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run(
        [tmp_path / "rehearsal/box", "true"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "this is a git worktree" in done.stderr


def test_remove_deletes_the_container_its_volumes_and_its_image(docker: Path) -> None:
    assert run("--remove", path=docker).returncode == 0
    assert (docker / "asked").read_text().splitlines() == [
        "rm --force rehearsal-box",
        "volume rm --force rehearsal-box-docker rehearsal-box-copy",
        "image rm --force rehearsal-box",
    ]


def test_an_unknown_option_prints_the_usage() -> None:
    done = run("--rebuild")
    assert done.returncode == 2
    assert "usage: rehearsal/box [COMMAND...]" in done.stderr


def test_the_printed_address_has_the_published_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REHEARSAL_BROWSER_PORT", raising=False)
    assert browser_url("staging") == url("staging")
    monkeypatch.setenv("REHEARSAL_BROWSER_PORT", "8080")
    assert browser_url("staging") == "http://myapp-staging.elb.localhost:8080"
