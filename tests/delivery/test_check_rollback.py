"""scripts/check-rollback: what keeps the version before from running, and what doesn't."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.check_rollback import Code, Unknown, python_of, version_before
from tests.small_project import MIGRATION, PROJECT, write

ROOT = Path(__file__).resolve().parents[2]

GOOD = {
    "a column that the database fills": (
        'migrations.AddField("thing", "size", models.IntegerField(db_default=1))'
    ),
}
BAD = {
    "a column that the older code reads is dropped": 'migrations.RemoveField("thing", "name")',
    "a column that the older code does not fill": (
        'migrations.AddField("thing", "size", models.IntegerField(default=1))'
    ),
    "data that do not fit": (
        'migrations.RunSQL("ALTER TABLE things_thing MODIFY name varchar(2) NOT NULL")'
    ),
}


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.com"]
    done = subprocess.run(
        ["git", "-C", folder, *who, *words], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def commit(folder: Path, **files: str) -> None:
    write(folder, **files)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "a commit")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    return tmp_path


# --- what is before


def test_the_newest_released_version_is_what_is_gone_back_to(clone: Path) -> None:
    for tag in ("v1.9.0", "v1.10.0", "v1.11.0-rc1", "nonsense"):
        commit(clone)
        git(clone, "tag", tag)
    assert version_before(clone) == "v1.10.0"


def test_a_release_is_compared_with_the_one_before(clone: Path) -> None:
    for tag in ("v1.0.0", "v1.1.0"):
        commit(clone)
        git(clone, "tag", tag)
    assert version_before(clone) == "v1.0.0"


def test_before_the_first_release_it_is_the_commit_before(clone: Path) -> None:
    commit(clone)
    assert version_before(clone) == ""
    commit(clone)
    assert version_before(clone) == git(clone, "rev-parse", "HEAD^")


def test_a_clone_without_history_gives_no_verdict(clone: Path, tmp_path: Path) -> None:
    for _ in range(2):
        commit(clone)
    shallow = tmp_path / "shallow"
    git(clone, "clone", "--quiet", "--depth=1", f"file://{clone}", str(shallow))
    with pytest.raises(Unknown, match="fetch-depth: 0"):
        version_before(shallow)


def test_a_first_commit_says_that_there_is_nothing_before_it(clone: Path) -> None:
    commit(clone)
    process = started(clone)
    assert "there is nothing to go back to" in process.communicate(timeout=60)[0]
    assert process.returncode == 0


def test_what_can_not_be_unpacked_gives_no_verdict(clone: Path) -> None:
    commit(clone)
    process = started(clone, "nonsense")
    assert "no verdict: git can't unpack nonsense" in process.communicate(timeout=60)[0]
    assert process.returncode == 75


def test_a_version_from_before_a_renaming_has_its_own_settings(tmp_path: Path) -> None:
    older = Code(tmp_path, "python", "mysql://localhost/older")
    with pytest.raises(Unknown, match="no PACKAGE/settings"):
        assert older.settings
    write(tmp_path, **{"shop/settings/test.py": ""})
    assert older.settings == "shop.settings.test"


def test_a_version_that_requires_the_same_runs_on_the_same_packages(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    write(old, **{"requirements.txt": "# by hand\nredis==8.0.1\n"})
    write(new, **{"requirements.txt": "# by a program\nredis==8.0.1\n    # via django\n"})
    assert python_of(old, new, tmp_path / "venv") == sys.executable


# --- what suits it


def started(folder: Path, *words: str) -> subprocess.Popen[str]:
    program = "import pathlib, sys; from scripts.check_rollback import main; "
    program += "sys.exit(main(sys.argv[2:], pathlib.Path(sys.argv[1])))"
    return subprocess.Popen(
        [sys.executable, "-c", program, folder, *words],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, subprocess.Popen[str]]]:
    """The check of each change, side by side because each takes a few seconds."""
    found = {}
    for change, operation in (GOOD | BAD).items():
        folder = tmp_path_factory.mktemp("project")
        git(folder, "init", "--quiet")
        commit(folder, **PROJECT)
        git(folder, "tag", "v1.0.0")
        commit(folder, **{"apps/things/migrations/0002_change.py": MIGRATION.format(operation)})
        found[change] = started(folder)
    yield found
    for process in found.values():
        process.communicate(timeout=120)


@pytest.mark.parametrize("change", GOOD)
def test_a_change_that_the_version_before_survives_passes(
    runs: dict[str, subprocess.Popen[str]], change: str
) -> None:
    said, _ = runs[change].communicate(timeout=120)
    assert runs[change].returncode == 0, said
    assert "v1.0.0 runs on this schema" in said


@pytest.mark.parametrize("change", BAD)
def test_a_change_that_the_version_before_does_not_survive_is_refused(
    runs: dict[str, subprocess.Popen[str]], change: str
) -> None:
    said, _ = runs[change].communicate(timeout=120)
    assert runs[change].returncode == 1, said
    assert "v1.0.0 can't run on this schema, so that nothing could be rolled back to it" in said
