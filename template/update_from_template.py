"""Take over what has changed in the template that this project was made from.

Fetches the template, renames its new version as this project was renamed, and commits what that
changes here. Where both changed the same lines, git stops at the conflict, as in any cherry-pick.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from delivery.checkout import check_clean, checkout
from delivery.command import run
from delivery.errors import Failure
from delivery.git import git

REMOTE = "template"


def record() -> dict[str, Any]:
    """Return what scripts/rename recorded."""
    project = tomllib.loads(Path("pyproject.toml").read_text())
    if "template" not in project["tool"]:
        raise Failure("pyproject.toml has no section [tool.template], which scripts/rename writes")
    return dict(project["tool"]["template"])


def fetch(branch: str) -> str:
    """Return the newest commit of the template, without its tags, which are no versions here."""
    if REMOTE not in git("remote").split():
        raise Failure(f"the template's address is unknown: git remote add {REMOTE} URL")
    git("fetch", "--quiet", "--no-tags", REMOTE, branch)
    return git("rev-parse", "FETCH_HEAD")


def version_with(tree: str, newest: str) -> str:
    """Return the template's commit that this project already contains."""
    for line in git("log", "--format=%H %T", newest).splitlines():
        commit, _, its_tree = line.partition(" ")
        if its_tree == tree:
            return commit
    raise Failure(
        f"the template has no version with the tree {tree} of pyproject.toml: put that of the one"
        f" that you began with there (git log --format='%T %cs %s' {newest[:12]})"
    )


def renamed(commit: str, noted: dict[str, Any]) -> str:
    """Return the tree of a template version, renamed by that version's own script."""
    without = [f"--without={part}" for part in noted["without"]]
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with checkout(commit) as folder:
        command = [sys.executable, "-m", "template.rename", str(noted["name"]), *without]
        done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)
        if done.returncode:
            raise Failure(f"the template's {commit[:12]}: {done.stderr.strip()}")
        return git("write-tree", folder=folder)


def update(branch: str) -> None:
    noted = record()
    check_clean()
    newest = fetch(branch)
    known = version_with(str(noted["tree"]), newest)
    changes = git("log", "--reverse", "--format=- %s", f"{known}..{newest}")
    if not changes:
        print(f"the template has no commit after {known[:12]}")
        return
    base = git("commit-tree", renamed(known, noted), "-m", f"The template at {known}")
    message = f"chore: take over the template's {newest[:12]}\n\n{changes}"
    change = git("commit-tree", renamed(newest, noted), "-p", base, "-m", message)
    try:
        git("cherry-pick", change)
    except Failure as failure:
        files = git("diff", "--name-only", "--diff-filter=U").split()
        if not files:
            raise
        raise Failure(
            f"both sides changed {', '.join(files)}: settle each, git add it, and then"
            " git cherry-pick --continue (or --abort, and all is as before)"
        ) from failure
    print(message)
    print("\nNext: make check")


def main() -> None:
    parser = argparse.ArgumentParser(
        "scripts/update-from-template",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Exit code 0: updated, or nothing new; 1: refused, or a conflict to resolve.",
    )
    parser.add_argument("branch", metavar="BRANCH", nargs="?", default="main", help="default: main")
    args = parser.parse_args()
    run("scripts/update-from-template", lambda: update(args.branch))


if __name__ == "__main__":
    main()
