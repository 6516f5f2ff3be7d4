"""scripts/check-release: which versions may go to production."""

import shutil
import subprocess
from pathlib import Path

import pytest

from delivery.errors import Failure
from delivery.release import check_release

ROOT = Path(__file__).resolve().parents[3]
CHANGELOG = """# Changelog

## [1.2.3] - 2026-01-31

### Added

- A thing.
"""

NO_URLS = (
    *(
        "http://h ",
        " http://h",
        "http://h\n",
        "http://",
        "http:///x",
        "ftp://h",
        "h",
        "file:///etc",
    ),
    *(
        "http://h:port",
        "http://h:99999",
        "http://h:0",
        "http://[::1",
        "http://[h]",
        "http://münchen",
    ),
)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with a commit on main, and another that is not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("repository"))
        for name in ("AUTHOR", "COMMITTER"):
            patch.setenv(f"GIT_{name}_NAME", "somebody")
            patch.setenv(f"GIT_{name}_EMAIL", "somebody@example.com")
        git("init", "--quiet", "--template=")
        Path("CHANGELOG.md").write_text(CHANGELOG)
        git("add", "CHANGELOG.md")
        git("commit", "--quiet", "--message", "one")
        git("update-ref", check_release.MAIN, "HEAD")
        git("tag", "--annotate", "--message", "a version", "v1.2.3")
        git("tag", "v1.2.4")
        git("commit", "--quiet", "--allow-empty", "--message", "two")
        git("tag", "v1.2.2")
        return Path.cwd()


@pytest.fixture
def clone(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that clone for one test."""
    shutil.copytree(repository, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    return tmp_path


def git(*words: str) -> str:
    return subprocess.run(["git", *words], check=True, capture_output=True, text=True).stdout


def staging_runs(
    monkeypatch: pytest.MonkeyPatch, commit: str, status: str = "ok", environment: str = "staging"
) -> None:
    found = {"commit": commit, "status": status, "environment": environment}
    monkeypatch.setattr(check_release, "health", lambda site: found)


@pytest.mark.parametrize(
    "version",
    ["v1.2", "1.2.3", "v1.2.3-rc1", "v1.2.3\n", "v1.2.3; rm -r /", "$(id)", "--help", "v1.2.٣", ""],
)
def test_an_invalid_version_is_refused(clone: Path, version: str) -> None:
    with pytest.raises(Failure, match="is not a version such as"):
        check_release.check(version, "", False)


@pytest.mark.parametrize(
    ("version", "problem"),
    [
        ("v9.9.9", "there is no tag v9.9.9"),
        ("v1.2.2", "which is not on main"),
        ("v1.2.4", "CHANGELOG.md has no section on v1.2.4"),
    ],
)
def test_a_version_that_is_not_ready_is_refused(clone: Path, version: str, problem: str) -> None:
    for redeploy in (False, True):
        with pytest.raises(Failure, match=problem):
            check_release.check(version, "", redeploy)


def test_a_clone_without_main_is_refused(clone: Path) -> None:
    git("update-ref", "-d", check_release.MAIN)
    with pytest.raises(Failure, match="does not know the branch main"):
        check_release.check("v1.2.3", "", False)


def test_the_commit_that_staging_runs_is_accepted(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = git("rev-parse", "v1.2.3^{commit}").strip()
    staging_runs(monkeypatch, commit)
    check_release.check("v1.2.3", "https://staging", False)
    assert (clone / "output").read_text() == f"commit={commit}\nstaging=https://staging\n"


def test_a_commit_that_staging_does_not_run_is_refused(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staging_runs(monkeypatch, "f" * 40)
    with pytest.raises(Failure, match="but staging runs ffffffffffff: only that commit"):
        check_release.check("v1.2.3", "https://staging", False)


def test_a_staging_url_that_leads_to_production_is_refused(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = git("rev-parse", "v1.2.3^{commit}").strip()
    staging_runs(monkeypatch, commit, environment="production")
    with pytest.raises(Failure, match="leads to production, not to staging: correct STAGING_URL"):
        check_release.check("v1.2.3", "https://staging", False)


@pytest.mark.parametrize("url", NO_URLS)
def test_an_invalid_url_is_refused_with_the_reason(clone: Path, url: str) -> None:
    with pytest.raises(Failure, match="/health/: not a URL: http"):
        check_release.check("v1.2.3", url, False)


def test_a_release_is_refused_while_staging_is_not_ready(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staging_runs(monkeypatch, git("rev-parse", "v1.2.3^{commit}").strip(), "failed")
    with pytest.raises(Failure, match="is not ready"):
        check_release.check("v1.2.3", "https://staging", False)


def test_a_version_that_looks_like_an_option_is_refused(clone: Path) -> None:
    done = subprocess.run(
        [ROOT / "scripts/check-release", "--staging", "", "--", "--help"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr == "scripts/check-release: '--help' is not a version such as v1.2.3\n"


def test_staging_is_not_asked_before_it_is_configured(clone: Path) -> None:
    check_release.check("v1.2.3", "", False)
    assert "staging=" not in (clone / "output").read_text()
