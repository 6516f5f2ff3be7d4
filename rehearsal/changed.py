"""Decide whether a pull request changes anything that the rehearsal's tests cover.

Sets REHEARSAL_CHANGED to `yes` or `no` for the next steps. It is `no` only if git lists the changes
and none is in PATHS; if that is unknown, it is `yes`.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from rehearsal.errors import Failure
from rehearsal.repository import git

# The files that the rehearsal's tests read, import or run.
PATHS = (
    "rehearsal",
    ".github/workflows",  # what it runs
    "infra",  # what its AWS is made from
    "scripts",  # what its jobs call, and
    "delivery",  # what these call
    "Dockerfile",  # which base images it stands in for
    "requirements.txt",  # what its images are made with
    "requirements-ci.txt",
    "pyproject.toml",  # under whose rules its code is checked
)


def changed(base: str, head: str) -> list[str]:
    """Return the files of PATHS that differ between the head and the merge base."""
    paths = (f":(top){path}" for path in PATHS)
    names = git("diff", "--name-only", f"{base}...{head}", "--", *paths, folder=Path())
    return names.splitlines()


def decide(base: str, head: str) -> str:
    """Print the changed files, and return the answer."""
    try:
        files = changed(base, head) if base and head else ["all, as this is no pull request"]
    except Failure as failure:
        files = [f"all, as git can't tell: {failure}"]
    print("\n".join(["changed:", *files]) if files else "nothing that the rehearsal's tests test")
    return "yes" if files else "no"


def main() -> None:
    parser = argparse.ArgumentParser("python -m rehearsal.changed", description=__doc__)
    parser.add_argument("base", metavar="BASE", help="the commit that the pull request is for")
    parser.add_argument("head", metavar="HEAD", help="its newest commit; both empty: no such")
    args = parser.parse_args()
    answer = f"REHEARSAL_CHANGED={decide(args.base, args.head)}"
    print(answer)
    if variables := os.environ.get("GITHUB_ENV"):
        with Path(variables).open("a") as file:
            file.write(f"{answer}\n")


if __name__ == "__main__":
    main()
