"""Decide whether a pull request changes anything that the rehearsal's tests cover.

Sets REHEARSAL_CHANGED to `no` for the next steps if no changed file is in PATHS, else to `yes`. It
is also `yes` if git cannot list the changes or if this is not a pull request.
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
    ".github/workflows",  # the rehearsal runs them
    "infra",  # creates the environments
    "scripts",  # the jobs call them
    "delivery",  # the scripts call it
    "Dockerfile",  # names the base images that have stand-ins
    "requirements.txt",  # installed in the images
    "requirements-ci.txt",
    "pyproject.toml",  # the rules for the rehearsal's code
)


def changed(base: str, head: str) -> list[str]:
    """Return the files of PATHS that differ between the head and the merge base."""
    paths = (f":(top){path}" for path in PATHS)
    names = git("diff", "--name-only", f"{base}...{head}", "--", *paths, folder=Path())
    return names.splitlines()


def decide(base: str, head: str) -> str:
    """Print the changed files, and return the answer."""
    try:
        files = changed(base, head) if base and head else ["unknown: this is not a pull request"]
    except Failure as failure:
        files = [f"unknown: {failure}"]
    print("\n".join(["Changes that the rehearsal's tests cover:", *(files or ["none"])]))
    return "yes" if files else "no"


def main() -> None:
    parser = argparse.ArgumentParser("python -m rehearsal.changed", description=__doc__)
    parser.add_argument("base", metavar="BASE", help="base commit of the pull request, or empty")
    parser.add_argument("head", metavar="HEAD", help="newest commit of the pull request, or empty")
    args = parser.parse_args()
    answer = f"REHEARSAL_CHANGED={decide(args.base, args.head)}"
    print(answer)
    if variables := os.environ.get("GITHUB_ENV"):
        with Path(variables).open("a") as file:
            file.write(f"{answer}\n")


if __name__ == "__main__":
    main()
