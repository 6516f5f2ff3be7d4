"""scripts/check-rollback: which migrations keep the previous version from running."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest
from django.db import connection

from conftest import name_database
from delivery.checks.check_rollback import Code, Unknown, main, python_of, version_before
from delivery.checks.imported_project import imported
from tests.small_project import MIGRATION, PROJECT, write

ROOT = Path(__file__).resolve().parents[3]

GOOD = {
    "a column that the database fills": (
        'migrations.AddField("thing", "size", models.IntegerField(db_default=1))'
    ),
}
# What refuses a change: how a version shows rows, a page, or a test of the previous version.
BAD = {
    'migrations.RemoveField("thing", "name")': "can't read this table",
    "migrations.RunSQL(\"DELETE FROM things_thing WHERE name = 'old'\")": "does not answer",
    'migrations.AddConstraint("thing", models.UniqueConstraint(fields=["name"], name="one"))': (
        "tests fail on this schema"
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


def test_the_previous_version_is_the_newest_released_one(clone: Path) -> None:
    for tag in ("v1.9.0", "v1.10.0", "v1.11.0-rc1", "nonsense"):
        commit(clone)
        git(clone, "tag", tag)
    assert version_before(clone) == "v1.10.0"


def test_a_release_is_compared_with_the_release_before_it(clone: Path) -> None:
    for tag in ("v1.0.0", "v1.1.0"):
        commit(clone)
        git(clone, "tag", tag)
    assert version_before(clone) == "v1.0.0"


def test_uncommitted_changes_are_compared_with_the_release_below_them(clone: Path) -> None:
    for tag in ("v1.0.0", "v1.1.0"):
        commit(clone)
        git(clone, "tag", tag)
    write(clone, **{"new.py": ""})
    assert version_before(clone) == "v1.1.0"


def test_before_the_first_release_the_check_passes(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        commit(clone)
        assert main([], clone) == 0
        assert "No version was released yet" in capsys.readouterr().out


def test_a_shallow_clone_gives_no_verdict(clone: Path, tmp_path: Path) -> None:
    for _ in range(2):
        commit(clone)
    shallow = tmp_path / "shallow"
    git(clone, "clone", "--quiet", "--depth=1", f"file://{clone}", str(shallow))
    with pytest.raises(Unknown, match="fetch-depth: 0"):
        version_before(shallow)


def test_an_unknown_commit_gives_no_verdict(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commit(clone)
    assert main(["nonsense"], clone) == 75
    assert "no verdict: git can't unpack nonsense" in capsys.readouterr().err


def test_a_version_from_before_a_rename_has_its_own_settings(tmp_path: Path) -> None:
    older = Code(tmp_path, "python", "mysql://localhost/older")
    with pytest.raises(Unknown, match="no PACKAGE/settings"):
        assert older.settings
    write(tmp_path, **{"shop/settings/test.py": ""})
    assert older.settings == "shop.settings.test"


def test_a_version_with_the_same_requirements_uses_the_same_packages(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    write(old, **{"requirements.txt": "# by hand\nredis==8.0.1\n"})
    write(new, **{"requirements.txt": "# by a program\nredis==8.0.1\n    # via django\n"})
    assert python_of(old, new, tmp_path / "venv") == sys.executable


def test_commands_of_a_project_that_can_not_be_imported_fail(tmp_path: Path) -> None:
    with imported(tmp_path, sys.executable, {"DJANGO_SETTINGS_MODULE": "nowhere"}) as project:
        assert [project.run("any", "check") for _ in range(2)] == [1, 1]


def test_tests_use_the_given_database() -> None:
    given = connection.settings_dict | {"NAME": "older"}
    with patch.object(connection, "settings_dict", given):
        assert name_database(7, keep=True) == "test_older"
        assert name_database(7, keep=False) == "test_older_7"


# --- what suits it


def checked(folder: Path, capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Return the exit code of a check, and its output with that of its processes."""
    with pytest.MonkeyPatch.context() as patch:
        # Of the plugins that are installed here, the sample project's tests need one.
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        patch.setenv("PYTEST_ADDOPTS", "-p pytest_django.plugin")
        code = main(list(words), folder)
    return code, "".join(capfd.readouterr())


@pytest.fixture
def changed(clone: Path) -> Callable[[str], None]:
    """Return a function that commits a migration after a released version."""

    def change(operation: str) -> None:
        commit(clone, **PROJECT)
        git(clone, "tag", "v1.0.0")
        commit(clone, **{"apps/things/migrations/0002_change.py": MIGRATION.format(operation)})

    return change


@pytest.mark.parametrize("change", GOOD)
def test_a_change_that_the_previous_version_supports_passes(
    clone: Path, changed: Callable[[str], None], capfd: pytest.CaptureFixture[str], change: str
) -> None:
    changed(GOOD[change])
    code, said = checked(clone, capfd)
    assert code == 0, said
    assert "v1.0.0 runs on this schema" in said


@pytest.mark.parametrize("operation", BAD)
def test_a_change_that_breaks_the_previous_version_is_refused(
    clone: Path, changed: Callable[[str], None], capfd: pytest.CaptureFixture[str], operation: str
) -> None:
    changed(operation)
    code, said = checked(clone, capfd)
    assert code == 1, said
    assert BAD[operation] in said
    assert "a rollback to v1.0.0 would not be safe" in said
