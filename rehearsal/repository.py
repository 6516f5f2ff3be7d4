"""The rehearsal's own repository with the rehearsed change. The user's repository is only read.

Its main contains the versions of earlier rehearsals, so that each version follows another one.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from rehearsal.errors import Failure
from rehearsal.paths import REPOSITORY, ROOT

FIRST = "v0.0.0"
WHO = ("-c", "user.name=Rehearsal", "-c", "user.email=rehearsal@localhost")
CHANGELOG, UNRELEASED = "CHANGELOG.md", "Unreleased"
VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")
CANDIDATE = "refs/candidate"


@dataclass(frozen=True)
class Change:
    """The rehearsed change: the head of a pull request, its merge, and its version."""

    base: str  # main before the change
    head: str
    merge: str
    version: str
    dirty: bool  # contains uncommitted changes


@dataclass
class Section:
    """A section of the changelog."""

    name: str  # such as 1.2.3
    begin: int  # the line after its heading
    has_entries: bool = False  # contains more than headings and comments


def git(*words: str, folder: Path | None = None) -> str:
    """Return the output of git, in the rehearsal's repository unless a folder is given."""
    command = ["git", "-C", str(folder or REPOSITORY), *WHO, *words]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Failure(f"git {words[0]}: {' '.join(done.stderr.split())}")
    return done.stdout.rstrip("\n")


def has(name: str) -> bool:
    command = ["git", "-C", str(REPOSITORY), "rev-parse", "--verify", "--quiet", name]
    return not subprocess.run(command, capture_output=True).returncode


def prepare() -> Change:
    """Make a pull request of the files in the user's clone, committed or not."""
    if not (ROOT / ".git").exists():
        raise Failure(f"{ROOT} is not a git repository: run git init, and commit the files")
    fetch()
    base = git("rev-parse", "main")
    git("checkout", "--quiet", "--force", "-B", "change", CANDIDATE)
    git("clean", "--quiet", "-ffdx")
    dirty = take_uncommitted()
    version = release()
    head = git("rev-parse", "change")
    merge = git("commit-tree", "change^{tree}", "-p", base, "-p", head, "-m", f"Merge {version}")
    return Change(base, head, merge, version, dirty)


def fetch() -> None:
    """Fetch the user's commits; the first time, set main to the parent of the user's commit."""
    if not (REPOSITORY / ".git").exists():
        REPOSITORY.mkdir(parents=True, exist_ok=True)
        git("init", "--quiet", "--initial-branch=none")
        git("remote", "add", "origin", f"https://github.com/{slug()}.git")
    git("fetch", "--quiet", "--force", "--update-shallow", str(ROOT), f"HEAD:{CANDIDATE}")
    git("fetch", "--quiet", "--force", str(ROOT), "refs/tags/*:refs/tags/*")
    if not has("main"):
        # The parent may be from before scripts/rename, and would not run in these environments.
        git("branch", "main", f"{CANDIDATE}~1" if has(f"{CANDIDATE}~1:myproject") else CANDIDATE)
        if not released("main"):
            git("tag", "--annotate", "--message=Before the first rehearsal", FIRST, "main")


def released(commit: str) -> str:
    """Return the newest version that a commit contains; empty if there is none."""
    found = git("tag", "--list", "v*.*.*", "--sort=-version:refname", "--merged", commit)
    return found.partition("\n")[0]


def slug() -> str:
    """Return owner/name of the origin on GitHub, or an example if there is none."""
    command = ["git", "-C", str(ROOT), "remote", "get-url", "origin"]
    found = subprocess.run(command, capture_output=True, text=True).stdout
    match = re.search(r"github\.com[:/]([\w.-]+/[\w.-]+?)(?:\.git)?/?$", found.strip())
    return match[1] if match else "example/myproject"


def take_uncommitted() -> bool:
    """Commit the user's uncommitted changes here; return whether there were any."""
    names = git("diff", "--name-only", "-z", "HEAD", folder=ROOT)
    names += git("ls-files", "--others", "--exclude-standard", "-z", folder=ROOT)
    for name in filter(None, names.split("\0")):
        target = REPOSITORY / name
        target.unlink(missing_ok=True)
        if (ROOT / name).exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target, follow_symlinks=False)
    if not names:
        return False
    git("add", "--all")
    git("commit", "--quiet", "--message=chore: uncommitted changes")
    return True


def versions() -> list[tuple[int, ...]]:
    """Return the versions that have a tag."""
    found = re.findall(r"^v(\d+)\.(\d+)\.(\d+)$", git("tag", "--list", "v*"), re.M)
    return sorted(tuple(map(int, parts)) for parts in found)


def release() -> str:
    """Return the change's version; if the changelog has no new one, add a section for it."""
    changelog = (REPOSITORY / CHANGELOG).read_text()
    named = [one.name for one in sections(changelog) if VERSION.fullmatch(one.name)]
    for newest in named[:1]:
        if tuple(map(int, newest.split("."))) not in versions():
            return f"v{newest}"
    major, minor, _ = versions()[-1] if versions() else (0, 0, 0)
    version = f"{major}.{minor + 1}.0"
    (REPOSITORY / CHANGELOG).write_text(with_section(changelog, version, date.today()))
    git("commit", "--quiet", "--all", f"--message=chore: release v{version}")
    return f"v{version}"


def sections(changelog: str) -> list[Section]:
    found: list[Section] = []
    for before, token in pairwise(MarkdownIt().parse(changelog)):
        if before.type == "heading_open":
            if before.tag == "h2" and before.level == 0 and before.map:
                found.append(Section(name_of(token), before.map[1]))
        elif found and token.content.strip() and not token.content.startswith("<!--"):
            found[-1].has_entries = True
    return found


def name_of(title: Token) -> str:
    """Return the name of a heading: 1.2.3 for `[v1.2.3] - 2026-01-31`."""
    text = "".join(one.content for one in title.children or [] if one.type != "html_inline")
    return (text.split() or [""])[0].strip("[]").removeprefix("v")


def with_section(changelog: str, version: str, day: date) -> str:
    """Return the changelog with the unreleased entries in a section of a version."""
    lines = changelog.rstrip().split("\n")
    for section in sections(changelog):
        if section.name == UNRELEASED:
            note = [] if section.has_entries else ["", "- A rehearsal."]
            lines[section.begin : section.begin] = ["", f"## [{version}] - {day}", *note]
            return "\n".join([*lines, ""])
    raise Failure(f"CHANGELOG.md has no section ## [{UNRELEASED}]: add it above the versions")


def show(commit: str, branch: str) -> None:
    """Check out a commit on a branch, as a runner would."""
    git("checkout", "--quiet", "--force", "-B", branch, commit)
    git("clean", "--quiet", "-ffdx")


def merge(change: Change) -> None:
    """Set main to the merged change, here and at its origin."""
    show(change.merge, "main")
    git("update-ref", "refs/remotes/origin/main", change.merge)


def tag(change: Change) -> None:
    git("tag", "--annotate", "--force", f"--message={change.version}", change.version, change.merge)


def is_tag(name: str) -> bool:
    """Return whether git accepts a text as the name of a tag."""
    command = ["git", "check-ref-format", f"refs/tags/{name}"]
    return not subprocess.run(command, capture_output=True).returncode
