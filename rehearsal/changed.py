"""Say whether a pull request touches anything that the rehearsal's tests test.

The steps after this one find the answer in REHEARSAL_CHANGED, which is `yes` or `no`. It is `no`
only where git lists what changed, and none of that is in PATHS: what can't be told is a yes.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from rehearsal.errors import Failure
from rehearsal.repository import git

# What the rehearsal's tests read, import or run.
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
    """Return which files of PATHS differ between the head and where it left the base."""
    paths = (f":(top){path}" for path in PATHS)
    names = git("diff", "--name-only", f"{base}...{head}", "--", *paths, folder=Path())
    return names.splitlines()


def decide(base: str, head: str) -> str:
    """Print what changed, and return the answer."""
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
