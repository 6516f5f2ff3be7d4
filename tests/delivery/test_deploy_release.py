"""What may go to production, and what of it GitHub shows."""

import os
import shutil
import stat
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from delivery.aws.client import Aws
from delivery.deploy.promote_image import promote
from delivery.errors import Failure
from delivery.release import check_release
from delivery.release.changelog_section import section
from delivery.release.check_deploy_time import check as check_time

ROOT = Path(__file__).resolve().parents[2]
CHANGELOG = """# Changelog

## [Unreleased]

## [1.2.3] - 2026-01-31

### Added

- A thing.

## [1.2.2] - 2026-01-30

- An older thing.

## [1.2.1]

[1.2.3]: https://example.com/1.2.3
"""


# --- the changelog


def test_a_section_is_what_stands_under_its_heading() -> None:
    assert section(CHANGELOG, "v1.2.3") == "### Added\n\n- A thing."


def test_the_last_section_ends_before_the_links() -> None:
    with pytest.raises(Failure, match=r"says nothing about v1.2.1"):
        section(CHANGELOG, "v1.2.1")


@pytest.mark.parametrize("version", ["v1.2.4", "v1.2", "v1.2.33", "v112.3"])
def test_a_version_without_a_section_is_refused(version: str) -> None:
    with pytest.raises(Failure, match="has no section"):
        section(CHANGELOG, version)


# --- the tag

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
    """That clone for one test alone."""
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
def test_what_is_no_version_is_refused(clone: Path, version: str) -> None:
    with pytest.raises(Failure, match="is no version: it looks like"):
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


def test_what_staging_runs_may_be_released(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = git("rev-parse", "v1.2.3^{commit}").strip()
    staging_runs(monkeypatch, commit)
    check_release.check("v1.2.3", "https://staging", False)
    assert (clone / "output").read_text() == f"commit={commit}\nstaging=https://staging\n"


def test_what_staging_does_not_run_is_refused(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    staging_runs(monkeypatch, "f" * 40)
    with pytest.raises(Failure, match="and staging runs ffffffffffff: only what it runs"):
        check_release.check("v1.2.3", "https://staging", False)


def test_a_url_that_leads_to_production_is_no_staging(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = git("rev-parse", "v1.2.3^{commit}").strip()
    staging_runs(monkeypatch, commit, environment="production")
    with pytest.raises(Failure, match="leads to production, not to staging: correct STAGING_URL"):
        check_release.check("v1.2.3", "https://staging", False)


@pytest.mark.parametrize("url", NO_URLS)
def test_what_is_no_url_is_refused_in_a_sentence(clone: Path, url: str) -> None:
    with pytest.raises(Failure, match="/health/: no URL: it begins with http"):
        check_release.check("v1.2.3", url, False)


def test_a_staging_that_is_not_ready_proves_nothing(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staging_runs(monkeypatch, git("rev-parse", "v1.2.3^{commit}").strip(), "failed")
    with pytest.raises(Failure, match="is not ready"):
        check_release.check("v1.2.3", "https://staging", False)


def test_a_version_that_looks_like_an_option_is_none(clone: Path) -> None:
    done = subprocess.run(
        [ROOT / "scripts/check-release", "--staging", "", "--", "--help"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr == "scripts/check-release: '--help' is no version: it looks like v1.2.3\n"


def test_staging_is_not_asked_before_it_is_configured(clone: Path) -> None:
    check_release.check("v1.2.3", "", False)
    assert "staging=" not in (clone / "output").read_text()


# --- the hour

FRIDAY_NOON = datetime(2026, 1, 30, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_exceptions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOW_FRIDAY_DEPLOY", "")
    monkeypatch.setenv("DEPLOY_TIME_ZONE", "")


def test_a_friday_afternoon_is_refused() -> None:
    with pytest.raises(Failure, match="it is Friday, 12:00 UTC: wait until Monday"):
        check_time(FRIDAY_NOON)


@pytest.mark.parametrize("moment", [FRIDAY_NOON.replace(hour=11), FRIDAY_NOON.replace(day=29)])
def test_before_friday_noon_is_fine(moment: datetime) -> None:
    check_time(moment)


def test_a_hotfix_goes_out_on_friday(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOW_FRIDAY_DEPLOY", "true")
    check_time(FRIDAY_NOON)


def test_friday_is_where_the_people_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOY_TIME_ZONE", "America/New_York")
    check_time(FRIDAY_NOON)
    monkeypatch.setenv("DEPLOY_TIME_ZONE", "Nowhere/../x")
    with pytest.raises(Failure, match="which is no time zone"):
        check_time(FRIDAY_NOON)


# --- the image

COMMIT, DIGEST, OTHER = "c" * 40, "sha256:1", "sha256:2"


class Ecr(Aws):
    """Knows digests by `repository:tag`."""

    def __init__(self, **images: str) -> None:
        super().__init__("us-east-1", seconds=0)
        self.images = {name.replace("_", ":"): value for name, value in images.items()}

    def __call__(self, service: str, action: str, *words: str) -> Any:
        options: Mapping[str, str] = dict(pairwise(words))
        tag = options["--image-ids"].removeprefix("imageTag=")
        name = f"{options['--repository-name']}:{tag}"
        if name not in self.images:
            raise Failure("An error occurred (ImageNotFoundException)")
        return {"imageDetails": [{"imageDigest": self.images[name]}]}


@pytest.fixture
def skopeo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A skopeo that notes what it was asked."""
    program, note = tmp_path / "skopeo", tmp_path / "note"
    program.write_text(f'#!/bin/sh\necho "$@" >> {note}\n')
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    note.touch()
    return note


def promoted(ecr: Ecr, redeploy: bool = False) -> str:
    return promote(ecr, "registry", "staging", "production", COMMIT, "v1.2.3", redeploy)


def test_promotion_copies_the_digest_and_proves_that_it_arrived(
    skopeo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ecr = Ecr(**{f"staging_{COMMIT}": DIGEST})
    with pytest.raises(Failure, match=r"production:v1.2.3 is not there, and not sha256:1"):
        promoted(ecr)
    assert skopeo.read_text().split() == [
        *("copy", "--all", "--preserve-digests"),
        *(f"docker://registry/staging@{DIGEST}", "docker://registry/production:v1.2.3"),
    ]


def test_promotion_twice_copies_once(skopeo: Path) -> None:
    ecr = Ecr(**{f"staging_{COMMIT}": DIGEST, "production_v1.2.3": DIGEST})
    assert promoted(ecr) == DIGEST
    assert skopeo.read_text() == ""


@pytest.mark.parametrize(
    ("images", "problem"),
    [
        ({}, "staging never ran it"),
        ({f"staging_{COMMIT}": DIGEST, "production_v1.2.3": OTHER}, "v1.2.3 is released, as"),
    ],
)
def test_what_can_not_be_promoted_is_refused(
    skopeo: Path, images: dict[str, str], problem: str
) -> None:
    with pytest.raises(Failure, match=problem):
        promoted(Ecr(**images))
    assert skopeo.read_text() == ""


def test_a_copy_that_fails_is_named(skopeo: Path) -> None:
    (skopeo.parent / "skopeo").write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(Failure, match="could not copy registry/staging@sha256:1"):
        promoted(Ecr(**{f"staging_{COMMIT}": DIGEST}))


def test_a_redeploy_takes_what_was_promoted_before(skopeo: Path) -> None:
    assert promoted(Ecr(**{"production_v1.2.3": DIGEST}), redeploy=True) == DIGEST
    with pytest.raises(Failure, match="was never promoted"):
        promoted(Ecr(**{f"staging_{COMMIT}": DIGEST}), redeploy=True)
