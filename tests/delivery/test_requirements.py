"""The pinned requirements, as an older pip reads them."""

import re
import sys
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.delivery.git_repository import copy, run

ROOT = Path(__file__).resolve().parents[2]


def pinned(file: str) -> list[Requirement]:
    lines = (ROOT / file).read_text().splitlines()
    return [Requirement(line.rstrip("\\")) for line in lines if line[:1].isalnum()]


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-ci.txt"])
def test_an_extra_that_a_package_requires_is_pinned(file: str) -> None:
    # Before 23.3 pip looks for the newest `coverage[toml]` although `coverage` is pinned, and then
    # misses its hash: an installation that worked fails on the day of a new release.
    pins = pinned(file)
    extras = {canonicalize_name(pin.name): pin.extras for pin in pins}
    installed = [pin for pin in pins if not pin.marker or pin.marker.evaluate()]
    for asking in installed:
        for line in distribution(asking.name).requires or ():
            wanted = Requirement(line)
            chosen = [{"extra": extra} for extra in asking.extras] or [{"extra": ""}]
            if not wanted.marker or any(map(wanted.marker.evaluate, chosen)):
                assert wanted.extras <= extras[canonicalize_name(wanted.name)], (asking.name, line)


def wheel(folder: Path, name: str, version: str, *requires: str) -> None:
    """Make a package that has a name, a version and requirements."""
    info = f"{name}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    with ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as file:
        file.writestr(f"{info}/METADATA", "\n".join([*lines, ""]))
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")


def require(file: Path, *names: str) -> None:
    """Replace the packages of a file, and keep the files that it refers to."""
    references = [line for line in file.read_text().splitlines() if line.startswith("-")]
    file.write_text("\n".join([*references, *names, ""]))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that has pinned the older of two versions, and asks for one package more."""
    folder = copy(tmp_path / "project", "scripts", "delivery/progress", "*.in")
    (folder / ".venv").symlink_to(sys.prefix)
    packages = tmp_path / "packages"
    packages.mkdir()
    for name, version in (("kept", "1.0"), ("kept", "2.0"), ("added", "1.0")):
        wheel(packages, name, version)
    for file in folder.rglob("*.in"):
        require(file, "kept", "added")
        file.with_suffix(".txt").write_text("kept==1.0\n")
    index = tmp_path / "empty"
    index.mkdir()
    monkeypatch.setenv("UV_DEFAULT_INDEX", index.as_uri())
    monkeypatch.setenv("UV_FIND_LINKS", str(packages))
    return folder


@pytest.mark.parametrize(
    ("words", "pins"),
    [([], ["added==1.0", "kept==1.0"]), (["--upgrade"], ["added==1.0", "kept==2.0"])],
)
def test_pinned_versions_stay_unless_an_upgrade_is_requested(
    project: Path, words: list[str], pins: list[str]
) -> None:
    done = run(project, "scripts/pin-requirements", *words)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^\S+==\S+", (project / "requirements.txt").read_text(), re.M) == pins


# only with: rehearsal
def test_an_upgrade_agrees_with_the_versions_that_the_local_aws_requires(project: Path) -> None:
    wheel(project.parent / "packages", "simulator", "1.0", "kept==1.0")
    for file in project.rglob("*.in"):
        require(file, "added")
    require(project / "requirements-ci.in", "kept")
    require(project / "rehearsal/aws/requirements.in", "simulator")
    done = run(project, "scripts/pin-requirements", "--upgrade")
    assert done.returncode == 0, done.stderr
    assert "kept==1.0" in (project / "requirements-ci.txt").read_text()


# until here: rehearsal
def test_the_changed_files_are_reported(project: Path) -> None:
    assert "Changed: requirements.txt " in run(project, "scripts/pin-requirements").stdout
    assert run(project, "scripts/pin-requirements").stdout == "Nothing changed.\n"


def test_if_one_file_fails_no_file_changes(project: Path) -> None:
    (project / "requirements-docs.in").write_text("gone\n")
    done = run(project, "scripts/pin-requirements")
    assert done.returncode != 0 and "gone" in done.stderr
    assert (project / "requirements.txt").read_text() == "kept==1.0\n"
