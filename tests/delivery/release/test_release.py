"""scripts/release: what it refuses, what it pushes, and how it resumes."""

import io
import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from delivery.errors import Failure
from delivery.release import release
from delivery.release.release import Options

YES = Options(yes=True)
CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A thing.\n\n## [1.2.2] - 2026-01-30\n"
# It answers a path with the file that is called like the path's end.
GH = """\
#!/bin/sh
printf '%s\\n' "$GH_REPO $*" >> '{here}/asked'
if [ "$1 $2" = "pr create" ]; then
    echo https://github.com/o/r/pull/1
else
    path=${{2%%\\?*}}
    cat '{here}/answers/'"${{path##*/}}"
fi
"""


def git(*words: str) -> str:
    done = subprocess.run(["git", *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def workflow(name: str, conclusion: str | None = "success") -> dict[str, Any]:
    status = "completed" if conclusion else "in_progress"
    url = f"https://github.com/o/r/actions/{name}"
    path = f".github/workflows/{name}"
    return {"path": path, "status": status, "conclusion": conclusion, "html_url": url}


GREEN = [workflow("deploy-staging.yml"), workflow("test.yml")]
Answer = Callable[..., None]


@pytest.fixture
def github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Answer:
    """The answers of gh: all checks passed, unless a test changes that."""
    program, answers = tmp_path / "bin/gh", tmp_path / "answers"
    for folder in (program.parent, answers):
        folder.mkdir()
    program.write_text(GH.format(here=tmp_path))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.delenv("STAGING_URL", raising=False)

    def answer(*runs: dict[str, Any], rule: str = "deletion", **variables: str) -> None:
        listed = [{"name": name, "value": value} for name, value in variables.items()]
        (answers / "runs").write_text(json.dumps({"workflow_runs": runs}))
        (answers / "variables").write_text(json.dumps({"variables": listed}))
        (answers / "main").write_text(json.dumps([{"type": rule}]))

    answer(*GREEN)
    return answer


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a clone, and its origin at o/r.git."""
    folder = tmp_path_factory.mktemp("repositories")
    with pytest.MonkeyPatch.context() as patch:
        identify(patch)
        # Without the samples of hooks, which each test would copy.
        init = ("init", "--quiet", "--template=", "--initial-branch=main")
        git(*init, "--bare", str(folder / "o/r.git"))
        git(*init, str(folder / "clone"))
        patch.chdir(folder / "clone")
        Path("CHANGELOG.md").write_text(CHANGELOG)
        git("remote", "add", "origin", "../o/r.git")
        git("add", "CHANGELOG.md")
        git("commit", "--quiet", "--message=feat: a thing")
        git("tag", "--annotate", "--message=v1.2.2", "v1.2.2")
        git("push", "--quiet", "--set-upstream", "origin", "main", "v1.2.2")
    return folder


def identify(patch: pytest.MonkeyPatch) -> None:
    for name in ("AUTHOR", "COMMITTER"):
        patch.setenv(f"GIT_{name}_NAME", "somebody")
        patch.setenv(f"GIT_{name}_EMAIL", "somebody@example.com")


@pytest.fixture
def clone(
    repositories: Path, tmp_path: Path, github: Answer, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A clone whose main equals its origin's, after the release v1.2.2."""
    identify(monkeypatch)
    shutil.copytree(repositories, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path / "clone")
    return tmp_path / "clone"


def state() -> tuple[str, ...]:
    """Return everything that a run could change, here and at origin."""
    branches, status = git("for-each-ref", "refs/heads", "refs/tags"), git("status", "--porcelain")
    return branches, status, git("worktree", "list"), git("ls-remote", "origin")


def refuse_pushes(clone: Path, ref: str) -> None:
    hook = clone.parent / "o/r.git/hooks/update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f'#!/bin/sh\n[ "$1" != {ref} ] || {{ echo protected branch >&2; exit 1; }}\n')
    hook.chmod(0o755)


# The two steps.


def test_the_first_run_pushes_the_changelog_to_main(clone: Path) -> None:
    release.release("1.2.3", YES)
    assert git("log", "-1", "--format=%s", "origin/main") == "chore(release): v1.2.3"
    moved = f"## [Unreleased]\n\n## [1.2.3] - {date.today()}\n\n### Added\n\n- A thing.\n"
    assert moved in git("show", "origin/main:CHANGELOG.md")
    assert git("rev-parse", "main") == git("rev-parse", "origin/main")
    assert git("status", "--porcelain") == ""
    assert "v1.2.3" not in git("ls-remote", "origin")


def test_the_second_run_tags_that_commit(clone: Path) -> None:
    release.release("v1.2.3", YES)
    release.release("v1.2.3", YES)
    assert git("cat-file", "-t", "v1.2.3") == "tag"
    assert git("ls-remote", "origin", "v1.2.3^{}").split()[0] == git("rev-parse", "main")


def test_a_tag_waits_until_staging_deployed_its_commit(clone: Path, github: Answer) -> None:
    release.release("1.2.3", YES)
    github(workflow("test.yml"), workflow("deploy-staging.yml", None))
    with pytest.raises(Failure, match=r"deploy-staging.yml of \w{12} did not finish yet: run this"):
        release.release("1.2.3", YES)
    assert git("tag", "--list", "v1.2.3") == ""


def test_the_option_wait_takes_both_steps_in_one_run(
    clone: Path, github: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sleep(seconds: float) -> None:
        github(*GREEN)

    monkeypatch.setattr("time.sleep", sleep)
    github()
    release.release("1.2.3", YES._replace(wait=True))
    assert git("ls-remote", "origin", "v1.2.3")


@pytest.mark.parametrize("source", ["the environment", "GitHub"])
def test_staging_is_asked_for_its_commit(
    clone: Path, github: Answer, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    release.release("1.2.3", YES)
    if source == "GitHub":
        github(*GREEN, STAGING_URL="http://127.0.0.1:1")
    else:
        monkeypatch.setenv("STAGING_URL", "http://127.0.0.1:1")
    with pytest.raises(Failure, match=r"http://127.0.0.1:1/health/: .*refused"):
        release.release("1.2.3", YES)
    assert git("tag", "--list", "v1.2.3") == ""


def test_gh_is_asked_about_the_commit_of_main_at_origin(clone: Path) -> None:
    git("remote", "add", "upstream", "https://github.com/other/template")
    release.release("1.2.3", YES)
    query = f"head_sha={git('rev-parse', 'main~1')}&branch=main&event=push&per_page=100"
    asked = (clone.parent / "asked").read_text()
    assert f"o/r api repos/{{owner}}/{{repo}}/actions/runs?{query}\n" in asked
    assert asked.count("\n") == asked.count("o/r api repos/{owner}/{repo}/")


def test_a_protected_main_gets_a_pull_request(clone: Path, github: Answer) -> None:
    before = git("rev-parse", "main")
    github(*GREEN, rule="pull_request")
    release.release("1.2.3", YES)
    assert git("ls-remote", "origin", "main").startswith(before)
    assert git("rev-parse", "main") == before
    assert "pr create --base main --head release/v1.2.3 " in (clone.parent / "asked").read_text()
    with pytest.raises(Failure, match=r"origin has release/v1.2.3 already: merge its pull request"):
        release.release("1.2.3", YES)
    git("fetch", "--quiet", "origin", "release/v1.2.3")
    git("merge", "--quiet", "--no-ff", "--message=Merge it", "FETCH_HEAD")
    git("push", "--quiet", "origin", "main")
    release.release("1.2.3", YES)
    assert git("rev-parse", "v1.2.3^{}") == git("rev-parse", "main")


def test_a_pull_request_can_be_requested(clone: Path) -> None:
    release.release("1.2.3", YES._replace(pull_request=True, ask_ci=False))
    assert git("ls-remote", "origin", "release/v1.2.3")


# Nothing half done.


@pytest.mark.parametrize(
    ("word", "problem"),
    [
        ("1.2", "is not a version"),
        ("1.2.3-rc1", "is not a version"),
        ("01.2.3", "is not a version"),
        ("1.2.٣", "is not a version"),
        ("--help", "is not a version"),
        ("1.2.2", "origin has the tag v1.2.2, so it is released"),
        ("1.2.1", "1.2.1 is not newer than 1.2.2"),
        ("0.10.0", "0.10.0 is not newer than 1.2.2"),
    ],
)
def test_a_version_that_can_not_be_the_next_is_refused(
    clone: Path, word: str, problem: str
) -> None:
    before = state()
    with pytest.raises(Failure, match=problem):
        release.release(word, YES)
    assert state() == before


def edited(clone: Path) -> None:
    Path("CHANGELOG.md").write_text("")
    Path("a file").touch()


def on_a_branch(clone: Path) -> None:
    git("switch", "--quiet", "--create", "fix")


def ahead(clone: Path) -> None:
    git("commit", "--quiet", "--allow-empty", "--message=fix: something")


def behind(clone: Path) -> None:
    ahead(clone)
    git("push", "--quiet", "origin", "main")
    git("reset", "--quiet", "--hard", "HEAD~1")


def nothing_new(clone: Path) -> None:
    Path("CHANGELOG.md").write_text(CHANGELOG.replace("- A thing.", ""))
    git("commit", "--quiet", "--all", "--message=docs: nothing")
    git("push", "--quiet", "origin", "main")


def tagged_here(clone: Path) -> None:
    git("tag", "v1.2.3")


def protected(clone: Path) -> None:
    refuse_pushes(clone, "refs/heads/main")


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (edited, 'not committed: CHANGELOG.md, "a file". Commit or stash them'),
        (on_a_branch, "the branch is fix, but releases are made on main: git switch main"),
        (ahead, "main has 1 commits that origin does not have"),
        (behind, "main lacks 1 commits that origin has: git pull"),
        (nothing_new, r"has nothing under \[Unreleased\]"),
        (tagged_here, "only this clone has the tag v1.2.3: git tag --delete v1.2.3"),
        (protected, r"nothing changed \(if main is protected, use --pull-request\): .*protected"),
    ],
)
def test_an_unsuitable_clone_is_refused_and_stays_unchanged(
    clone: Path, fault: Callable[[Path], None], problem: str
) -> None:
    fault(clone)
    before = state()
    with pytest.raises(Failure, match=problem) as refused:
        release.release("1.2.3", YES)
    assert "\n" not in str(refused.value)
    assert state() == before


@pytest.mark.parametrize(
    ("runs", "problem"),
    [
        ([*GREEN[:1], workflow("test.yml", "failure")], r"test.yml of \w+: failure, see https://"),
        ([*GREEN, workflow("extra.yml", "cancelled")], "extra.yml of .*: cancelled"),
        ([workflow("test.yml", None), *GREEN], "test.yml of .* did not finish yet"),
        ([], "deploy-staging.yml and test.yml of .* did not finish yet: run this again later"),
    ],
)
def test_a_commit_that_is_not_green_is_not_released(
    clone: Path, github: Answer, runs: list[dict[str, Any]], problem: str
) -> None:
    github(*runs)
    before = state()
    with pytest.raises(Failure, match=problem):
        release.release("1.2.3", YES)
    assert state() == before


def test_only_the_newest_run_of_a_workflow_counts(clone: Path, github: Answer) -> None:
    github(*GREEN, workflow("test.yml", "failure"))
    release.release("1.2.3", YES)


@pytest.mark.parametrize("answer", ["", "n\n"])
def test_no_answer_is_a_no(clone: Path, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    before = state()
    with pytest.raises(Failure, match="nothing was pushed"):
        release.release("1.2.3", Options())
    assert state() == before


def test_the_changes_are_shown_before_the_push(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\ny\n"))
    for shown in (f"+## [1.2.3] - {date.today()}", "### Added\n\n- A thing.\n"):
        release.release("1.2.3", Options())
        assert shown in capsys.readouterr().out.partition("[y/N]")[0]


def test_a_tag_that_origin_refuses_is_deleted_locally_and_can_be_pushed_later(clone: Path) -> None:
    release.release("1.2.3", YES)
    refuse_pushes(clone, "refs/tags/v1.2.3")
    before = state()
    with pytest.raises(Failure, match="origin refused"):
        release.release("1.2.3", YES)
    assert state() == before
    refuse_pushes(clone, "nothing")
    release.release("1.2.3", YES)
    assert git("ls-remote", "origin", "v1.2.3")


@pytest.mark.parametrize("step", [1, 2])
def test_ctrl_c_leaves_nothing_behind(
    clone: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*words: str) -> None:
        raise KeyboardInterrupt

    if step == 2:
        release.release("1.2.3", YES)
    before = state()
    monkeypatch.setattr(release, "push", interrupt)
    monkeypatch.setattr("sys.argv", ["release", "1.2.3", "--yes"])
    with pytest.raises(SystemExit, match=r"interrupted\. To continue, run this again"):
        release.main()
    assert state() == before


def test_entries_added_after_the_first_run_stop_the_second(clone: Path) -> None:
    release.release("1.2.3", YES)
    file = Path("CHANGELOG.md")
    file.write_text(file.read_text().replace("[Unreleased]\n", "[Unreleased]\n\n- Late.\n"))
    git("commit", "--quiet", "--all", "--message=feat: late")
    git("push", "--quiet", "origin", "main")
    with pytest.raises(Failure, match=r"new unreleased entries since v1.2.3 was prepared"):
        release.release("1.2.3", YES)


# Without gh, which the machine itself may have.


def take_gh_away(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = clone.parent / "bin"
    (programs / "gh").unlink()
    (programs / "git").symlink_to(shutil.which("git") or "")
    monkeypatch.setenv("PATH", str(programs))


def test_a_missing_gh_is_reported_with_its_source(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_gh_away(clone, monkeypatch)
    before = state()
    with pytest.raises(Failure, match=r"gh is missing: https://cli.github.com .*--without-ci"):
        release.release("1.2.3", YES)
    assert state() == before


def test_a_skipped_check_of_ci_is_reported(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    take_gh_away(clone, monkeypatch)
    for _ in range(2):
        release.release("1.2.3", YES._replace(ask_ci=False))
    printed = capsys.readouterr().out
    assert printed.count("CI WAS NOT ASKED") == 2
    assert "Staging was not asked which commit it runs" in printed
    assert git("ls-remote", "origin", "v1.2.3")


# The changelog.


def test_a_version_is_linked_if_origin_is_on_github() -> None:
    day, url = date(2026, 1, 31), "https://github.com/o/r/releases/tag/v"
    once = release.with_version(CHANGELOG, "1.2.3", day, f"{url}1.2.3")
    assert once.endswith(f"2026-01-30\n\n[1.2.3]: {url}1.2.3\n")
    more = once.replace("[Unreleased]\n", "[Unreleased]\n\n- More.\n")
    twice = release.with_version(more, "1.2.4", day, f"{url}1.2.4")
    assert twice.endswith(f"\n[1.2.3]: {url}1.2.3\n[1.2.4]: {url}1.2.4\n")


def test_a_changelog_without_unreleased_is_refused() -> None:
    with pytest.raises(Failure, match=r"no line '## \[Unreleased\]': put it above the versions"):
        release.with_version("# Changelog\n", "1.2.3", date.today())
