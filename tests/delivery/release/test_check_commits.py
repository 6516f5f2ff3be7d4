"""scripts/check-commits: which messages it accepts, of commits and of one being made."""

import subprocess
from pathlib import Path

import pytest

from delivery.errors import Failure
from delivery.release import check_commits


@pytest.mark.parametrize(
    "message",
    [
        "fix: a thing",
        "feat(health)!: a thing\n\nBREAKING CHANGE: the other thing\n",
        "chore(deps): bump django from 5.2.1 to 5.2.2",
        "test(tests/delivery): a thing",
        'Revert "feat: a thing"\n\nThis reverts commit 1.',
        'Revert "A thing" (#12)\n\nReverts o/r#12',
        "Merge branch 'main' into fix",
        "Merge remote-tracking branch 'origin/main'",
        "Merge pull request #12 from o/fix",
        "Merge 0123abc into 4567def",
    ],
)
def test_a_conventional_message_is_accepted(message: str) -> None:
    assert check_commits.problem(message) == ""


@pytest.mark.parametrize(
    "message",
    [
        *(
            "",
            "A thing",
            "Fix: a thing",
            "fix a thing",
            "fix:a thing",
            "fix: ",
            "wip: a",
            "fix(): a",
        ),
        *("Merge anything I like", "Merge branching"),
        *('Revert "anything I like"', 'Reapply "it"\n\nyes'),
    ],
)
def test_another_message_is_refused_with_the_required_form(message: str) -> None:
    assert check_commits.problem(message).endswith(
        "does not have the form TYPE(SCOPE): WHAT IT DOES"
    )


def test_the_body_needs_an_empty_line_above_it() -> None:
    assert check_commits.problem("fix: a\nbody") == "'fix: a' needs an empty line below it"


def git(*words: str) -> str:
    return subprocess.run(["git", *words], check=True, capture_output=True, text=True).stdout


def commit(*messages: str) -> None:
    for message in messages:
        git("commit", "--quiet", "--allow-empty", f"--message={message}")


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clone on a branch; main has a message from before the rule."""
    monkeypatch.chdir(tmp_path)
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "somebody")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "somebody@example.com")
    git("init", "--quiet", "--initial-branch=main")
    commit("First")
    git("switch", "--quiet", "--create", "change")


@pytest.mark.usefixtures("clone")
def test_only_commits_that_main_does_not_have_are_checked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    commit("fix: a thing")
    check_commits.check(check_commits.since_main())
    assert capsys.readouterr().out == "1 commits in main..HEAD, 0 to reword\n"


@pytest.mark.usefixtures("clone")
def test_each_wrong_message_is_reported_with_its_commit(capsys: pytest.CaptureFixture[str]) -> None:
    commit("One", "fix: a thing", "Two\n\n::error::at the start of a line, Actions would take it")
    with pytest.raises(Failure, match=r"TYPE is one of build\|.*git rebase --interactive"):
        check_commits.check("main..HEAD")
    one, two, count = capsys.readouterr().out.splitlines()
    assert one.startswith(git("rev-parse", "--short", "HEAD~2").strip() + ": 'One' does not")
    assert "'Two' does not have" in two
    assert count == "3 commits in main..HEAD, 2 to reword"


@pytest.mark.usefixtures("clone")
def test_the_merge_commit_that_github_checks_out_is_not_checked() -> None:
    commit("fix: a thing")
    git("switch", "--quiet", "main")
    commit("fix: another")
    git("merge", "--quiet", "--no-ff", "--message=Worded by hand", "change")
    check_commits.check("HEAD^1..HEAD")


@pytest.mark.usefixtures("clone")
@pytest.mark.parametrize("message", ["Merge anything I like", "Merge branch 'main' into change"])
def test_a_commit_with_one_parent_is_not_a_merge(tmp_path: Path, message: str) -> None:
    commit(message)
    with pytest.raises(Failure, match="TYPE is one of"):
        check_commits.check("main..HEAD")
    (tmp_path / "message").write_text(message)
    with pytest.raises(Failure, match="does not have the form"):
        check_commits.check_message(tmp_path / "message")


@pytest.mark.usefixtures("clone")
def test_the_hook_accepts_gits_own_merge_message(tmp_path: Path) -> None:
    commit("fix: a thing")
    git("switch", "--quiet", "main")
    git("merge", "--quiet", "--no-ff", "--no-commit", "change")
    check_commits.check_message(tmp_path / ".git/MERGE_MSG")


@pytest.mark.usefixtures("clone")
@pytest.mark.parametrize("span", ["nonesuch..HEAD", "--output=file"])
def test_an_invalid_range_is_refused(span: str) -> None:
    with pytest.raises(Failure, match="git log: fatal: "):
        check_commits.check(span)
    assert not Path("file").exists()


@pytest.mark.usefixtures("clone")
def test_without_main_the_newest_commit_is_checked(capsys: pytest.CaptureFixture[str]) -> None:
    git("branch", "--quiet", "-D", "main")
    with pytest.raises(Failure):
        check_commits.check(check_commits.since_main())
    assert "There is no main here to compare with" in capsys.readouterr().out


# The hook.


@pytest.mark.parametrize(
    "message",
    [
        "fix: a thing\n# Please enter the commit message\n",
        "fix: a thing\n# ------------------------ >8 ------\ndiff --git a/x b/x\n",
        "fixup! fix: a thing\n",
    ],
)
def test_comments_that_git_adds_to_a_message_are_ignored(tmp_path: Path, message: str) -> None:
    (tmp_path / "message").write_text(message)
    check_commits.check_message(tmp_path / "message")


def test_a_fixup_commit_is_refused() -> None:
    assert check_commits.problem("fixup! fix: a thing")


def test_the_hook_refuses_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "message").write_text("A thing\n")
    root = Path(__file__).resolve().parents[3]
    words = [f"{root}/scripts/check-commits", "--message", f"{tmp_path}/message"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("scripts/check-commits: 'A thing' does not have the form")
