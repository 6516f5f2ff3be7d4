"""The rehearsed change: the user's files, a version, and an untouched clone."""

from __future__ import annotations

import subprocess
from datetime import date
from pathlib import Path

import pytest

from rehearsal import events, repository
from rehearsal.errors import Failure
from rehearsal.paths import ROOT

CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A thing.\n"


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"]
    command = ["git", "-C", str(folder), *who, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's clone with two commits and without a rehearsal."""
    root = tmp_path / "clone"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=main")
    (root / ".gitignore").write_text("ignored\n")
    (root / "myproject").mkdir()
    (root / "myproject/urls.py").write_text("urlpatterns = []\n")
    for content in ("first", "second"):
        (root / "file").write_text(content)
        (root / "CHANGELOG.md").write_text(CHANGELOG)
        git(root, "add", "--all")
        git(root, "commit", "--quiet", "--message", content)
    monkeypatch.setattr(repository, "ROOT", root)
    monkeypatch.setattr(repository, "REPOSITORY", tmp_path / "rehearsed")
    return root


def test_main_starts_at_the_parent_of_the_users_commit(clone: Path) -> None:
    change = repository.prepare()
    assert change.base == git(clone, "rev-parse", "HEAD~1")


def test_the_commit_messages_of_a_rehearsal_pass_the_check(clone: Path) -> None:
    (clone / "file").write_text("third")
    change = repository.prepare()
    own = f"{git(clone, 'rev-parse', 'HEAD')}..{change.head}"
    check = [str(ROOT / "scripts" / "check-commits"), own]
    done = subprocess.run(check, cwd=clone.parent / "rehearsed", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_main_starts_at_the_users_commit_if_its_parent_is_from_before_the_rename(
    clone: Path,
) -> None:
    for names in (("myproject", "template"), ("template", "myproject")):
        git(clone, "mv", *names)
        git(clone, "commit", "--quiet", "--message", "chore: another name")
    assert repository.prepare().base == git(clone, "rev-parse", "HEAD")


def test_a_merge_has_the_files_of_its_head(clone: Path) -> None:
    change = repository.prepare()
    assert repository.git("diff", change.head, change.merge) == ""


def test_uncommitted_changes_are_included(clone: Path) -> None:
    (clone / "file").write_text("third")
    (clone / "new").write_text("new")
    (clone / "ignored").write_text("ignored")
    change = repository.prepare()
    assert change.dirty
    assert repository.git("show", f"{change.merge}:file") == "third"
    assert repository.git("show", f"{change.merge}:new") == "new"
    with pytest.raises(Failure):
        repository.git("show", f"{change.merge}:ignored")


def test_staged_and_deleted_files_are_included(clone: Path) -> None:
    (clone / "staged").write_bytes(b"\0binary")
    git(clone, "add", "staged")
    (clone / "file").unlink()
    change = repository.prepare()
    assert repository.git("ls-tree", "--name-only", change.merge, "staged", "file") == "staged"


def test_the_users_clone_is_not_changed(clone: Path) -> None:
    (clone / "file").write_text("third")
    before = [git(clone, *words) for words in (("status", "--short"), ("for-each-ref",))]
    repository.prepare()
    assert [git(clone, *words) for words in (("status", "--short"), ("for-each-ref",))] == before


def test_unreleased_entries_get_the_next_version(clone: Path) -> None:
    git(clone, "tag", "v1.2.3", "HEAD~1")
    change = repository.prepare()
    assert change.version == "v1.3.0"
    changelog = repository.git("show", f"{change.merge}:CHANGELOG.md")
    assert f"## [Unreleased]\n\n## [1.3.0] - {date.today()}\n\n### Added\n\n- A thing." in changelog


def test_a_new_version_in_the_changelog_is_used(clone: Path) -> None:
    text = CHANGELOG.replace("### Added", "## [2.0.0] - 2026-01-31\n\n### Added")
    (clone / "CHANGELOG.md").write_text(text)
    change = repository.prepare()
    assert change.version == "v2.0.0"
    assert repository.git("show", f"{change.merge}:CHANGELOG.md") == text.strip()


def test_a_rehearsed_version_is_not_used_again(clone: Path) -> None:
    first = repository.prepare()
    repository.merge(first)
    repository.tag(first)
    second = repository.prepare()
    assert (first.version, second.version) == ("v0.1.0", "v0.2.0")
    assert second.base == first.merge


def test_a_version_without_entries_is_marked_as_a_rehearsal() -> None:
    text = repository.with_section("## [Unreleased]\n\n## [1.0.0]\n", "1.1.0", date(2026, 1, 31))
    assert text == ("## [Unreleased]\n\n## [1.1.0] - 2026-01-31\n\n- A rehearsal.\n\n## [1.0.0]\n")


def test_headings_and_comments_are_not_entries() -> None:
    empty = "## [Unreleased]\n\n### Added\n\n<!-- nothing yet -->\n\n## [1.0.0]\n\n- A thing.\n"
    text = repository.with_section(empty, "1.1.0", date(2026, 1, 31))
    assert "## [1.1.0] - 2026-01-31\n\n- A rehearsal.\n\n### Added\n" in text


def test_a_changelog_without_an_unreleased_section_is_refused() -> None:
    with pytest.raises(Failure, match="Unreleased"):
        repository.with_section("# Changelog\n", "1.0.0", date(2026, 1, 31))


def test_a_folder_without_git_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "ROOT", tmp_path)
    with pytest.raises(Failure, match="is not a git repository"):
        repository.prepare()


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/acme/shop.git",
        "https://github.com/acme/shop",
        "git@github.com:acme/shop.git",
        "ssh://git@github.com/acme/shop.git",
    ],
)
def test_the_repository_has_its_name_on_github(clone: Path, url: str) -> None:
    git(clone, "remote", "add", "origin", url)
    assert repository.slug() == "acme/shop"


def test_event_payloads_contain_the_commits(clone: Path) -> None:
    change = repository.prepare()
    assert events.pull_request(change)["pull_request"]["base"]["sha"] == change.base
    assert events.push(change)["head_commit"]["id"] == change.merge
    assert events.push_tag("v1.0.0", change.merge)["ref"] == "refs/tags/v1.0.0"
