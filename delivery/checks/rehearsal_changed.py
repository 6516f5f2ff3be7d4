"""Say whether a pull request touches anything that the rehearsal's tests test.

The steps after this one find the answer in REHEARSAL_CHANGED, which is `yes` or `no`. It is `no`
only where git lists what changed, and none of that is in PATHS: what can't be told is a yes.
"""

from __future__ import annotations

import argparse

from delivery.command import run
from delivery.errors import Failure
from delivery.git import git
from delivery.workflow import export

# What the tests in rehearsal/ read, import or run.
PATHS = (
    "rehearsal",
    ".github/workflows",  # what it runs
    "infra",  # what its AWS is made from
    "scripts",  # what its jobs call, and
    "delivery",  # what it shares with them
    "Dockerfile",  # which base images it stands in for
    "requirements.txt",  # what its images are made with, as by the next three
    "requirements-ci.txt",
    "requirements-rehearsal.txt",
    "docs/drills.md",  # lists its drills
    "conftest.py",  # under these three, its tests run
    "pyproject.toml",
    "tests/accessible.py",
)


def changed(base: str, head: str) -> list[str]:
    """Return which files of PATHS differ between the head and where it left the base."""
    names = git("diff", "--name-only", f"{base}...{head}", "--", *(f":(top){p}" for p in PATHS))
    return names.splitlines()


def decide(base: str, head: str) -> None:
    try:
        files = changed(base, head) if base and head else ["all, as this is no pull request"]
    except Failure as failure:
        files = [f"all, as git can't tell: {failure}"]
    print("\n".join(["changed:", *files]) if files else "nothing that the rehearsal's tests test")
    export("REHEARSAL_CHANGED", "yes" if files else "no")


def main() -> None:
    parser = argparse.ArgumentParser("scripts/rehearsal-changed", description=__doc__)
    parser.add_argument("base", metavar="BASE", help="the commit that the pull request is for")
    parser.add_argument("head", metavar="HEAD", help="its newest commit; both empty: no such")
    args = parser.parse_args()
    run("rehearsal-changed", lambda: decide(args.base, args.head))


if __name__ == "__main__":
    main()
