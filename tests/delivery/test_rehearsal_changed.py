"""scripts/rehearsal-changed: which pull requests spend nothing on the tests of the rehearsal."""

from pathlib import Path

import pytest

from delivery.checks.rehearsal_changed import PATHS, decide
from tests.delivery.in_process import ROOT, run_here
from tests.delivery.scratch import commit, git


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with a main and, from its first commit, a branch."""
    folder = tmp_path / "clone"
    (folder / "infra").mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, **{"README.md": "1", "infra/data.yaml": "1"})
    git(folder, "branch", "change")
    commit(folder, **{"infra/data.yaml": "main's own"})
    git(folder, "switch", "--quiet", "change")
    monkeypatch.setenv("GITHUB_ENV", str(tmp_path / "variables"))
    monkeypatch.chdir(folder)
    return folder


def decided(clone: Path, base: str = "main", head: str = "change") -> str:
    decide(base, head)
    return (clone.parent / "variables").read_text()


def test_a_change_of_something_else_is_a_no(clone: Path) -> None:
    commit(clone, **{"README.md": "2"})
    assert decided(clone) == "REHEARSAL_CHANGED=no\n"


def test_a_change_of_what_is_simulated_is_a_yes(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commit(clone, **{"infra/data.yaml": "2"})
    assert decided(clone) == "REHEARSAL_CHANGED=yes\n"
    assert "infra/data.yaml" in capsys.readouterr().out


def test_a_file_that_is_moved_away_is_a_change(clone: Path) -> None:
    git(clone, "mv", "infra/data.yaml", "data.yaml")
    commit(clone)
    assert decided(clone) == "REHEARSAL_CHANGED=yes\n"


def test_a_push_is_a_yes(clone: Path) -> None:
    assert decided(clone, base="", head="") == "REHEARSAL_CHANGED=yes\n"


def test_a_base_that_the_clone_does_not_have_is_a_yes(clone: Path) -> None:
    commit(clone, **{"README.md": "2"})
    assert decided(clone, base="f" * 40) == "REHEARSAL_CHANGED=yes\n"


def test_a_clone_without_history_is_a_yes(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(clone, **{"README.md": "2"})
    ends = git(clone, "rev-parse", "main"), git(clone, "rev-parse", "change")
    shallow = clone.parent / "shallow"
    words = ("clone", "--quiet", "--depth=1", "--no-single-branch")
    git(clone, *words, f"file://{clone}", str(shallow))
    monkeypatch.chdir(shallow)
    assert decided(clone, *ends) == "REHEARSAL_CHANGED=yes\n"


def test_outside_of_a_workflow_the_answer_is_printed() -> None:
    done = run_here("scripts/rehearsal-changed", "HEAD", "HEAD", without=("GITHUB_",))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("REHEARSAL_CHANGED: no\n")


def test_each_path_is_there() -> None:
    assert [path for path in PATHS if not (ROOT / path).exists()] == []
