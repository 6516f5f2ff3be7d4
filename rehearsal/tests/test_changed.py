"""rehearsal.changed: which pull requests skip the tests of the rehearsal."""

from pathlib import Path

import pytest

from rehearsal.changed import PATHS, decide, main
from rehearsal.paths import ROOT
from rehearsal.repository import git as git_in


def git(folder: Path, *words: str) -> str:
    return git_in(*words, folder=folder)


def commit(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / name).write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "a change")


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with main, and a branch from its first commit."""
    folder = tmp_path / "clone"
    (folder / "infra").mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, **{"README.md": "1", "infra/data.yaml": "1"})
    git(folder, "branch", "change")
    commit(folder, **{"infra/data.yaml": "main's own"})
    git(folder, "switch", "--quiet", "change")
    monkeypatch.chdir(folder)
    return folder


def test_a_change_outside_of_the_paths_skips_the_rehearsals_tests(clone: Path) -> None:
    commit(clone, **{"README.md": "2"})
    assert decide("main", "change") == "no"


def test_a_change_in_the_paths_runs_the_rehearsals_tests(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commit(clone, **{"infra/data.yaml": "2"})
    assert decide("main", "change") == "yes"
    assert "infra/data.yaml" in capsys.readouterr().out


def test_moving_a_file_out_of_the_paths_runs_the_rehearsals_tests(clone: Path) -> None:
    git(clone, "mv", "infra/data.yaml", "data.yaml")
    commit(clone)
    assert decide("main", "change") == "yes"


def test_a_push_runs_the_rehearsals_tests(clone: Path) -> None:
    assert decide("", "") == "yes"


def test_a_missing_base_runs_the_rehearsals_tests(clone: Path) -> None:
    commit(clone, **{"README.md": "2"})
    assert decide("f" * 40, "change") == "yes"


def test_a_clone_without_history_runs_the_rehearsals_tests(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(clone, **{"README.md": "2"})
    ends = git(clone, "rev-parse", "main"), git(clone, "rev-parse", "change")
    shallow = clone.parent / "shallow"
    words = ("clone", "--quiet", "--depth=1", "--no-single-branch")
    git(clone, *words, f"file://{clone}", str(shallow))
    monkeypatch.chdir(shallow)
    assert decide(*ends) == "yes"


@pytest.mark.parametrize("in_workflow", [True, False])
def test_the_answer_is_printed_and_set_for_the_next_steps(
    clone: Path,
    in_workflow: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    variables = clone.parent / "variables"
    monkeypatch.setenv("GITHUB_ENV", str(variables) if in_workflow else "")
    monkeypatch.setattr("sys.argv", ["changed", "change", "change"])
    main()
    assert capsys.readouterr().out.endswith("REHEARSAL_CHANGED=no\n")
    assert variables.exists() is in_workflow
    assert not in_workflow or variables.read_text() == "REHEARSAL_CHANGED=no\n"


def test_each_path_exists() -> None:
    assert [path for path in PATHS if not (ROOT / path).exists()] == []
