"""Check that commit messages are Conventional Commits, such as `fix(cart): what it does`.

Merges and reverts in git's own words are accepted, merges only for merge commits.
https://www.conventionalcommits.org/en/v1.0.0/
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from delivery.command import run
from delivery.errors import Failure
from delivery.git import git

TYPES = "build|chore|ci|docs|feat|fix|perf|refactor|revert|style|test"
HEADER = re.compile(rf"({TYPES})(\([\w./-]+\))?!?: \S.*")
# Messages that git and GitHub generate.
MERGE = re.compile(
    r"Merge ((remote-tracking )?branch(es)?|tags?|commits?|pull request|[0-9a-f]+ into) .+"
)
REVERT = re.compile(r'(Revert|Reapply) ".+')
REVERTED = re.compile(r"^(This reverts commit [0-9a-f]+|Reverts \S*#[0-9]+)", re.M)
# In a clone, commits that will be squashed into another one are fine.
FIXUP = re.compile(r"(fixup|squash|amend)! ")
SCISSORS = "# ------------------------ >8"  # `git commit --verbose` adds a diff below


def problem(message: str, *, merges: bool = True) -> str:
    """Return what is wrong with a message; empty if nothing is."""
    header, *rest = message.strip().splitlines() or [""]
    merge = merges and MERGE.fullmatch(header)
    revert = REVERT.fullmatch(header) and REVERTED.search("\n".join(rest))
    if not (HEADER.fullmatch(header) or merge or revert):
        return f"{header!r} does not have the form TYPE(SCOPE): WHAT IT DOES"
    if rest and rest[0].strip():
        return f"{header!r} needs an empty line below it"
    return ""


def commits(span: str) -> Iterator[tuple[str, str]]:
    """Yield each commit with its message, oldest first, without merges."""
    log = git(
        "log", "-z", "--no-merges", "--reverse", "--format=%h%n%B", "--end-of-options", span, "--"
    )
    for entry in filter(None, log.split("\0")):
        commit, _, message = entry.partition("\n")
        yield commit, message


def since_main() -> str:
    """Return the range of commits that HEAD has and main does not."""
    for main in ("origin/main", "main"):
        with suppress(Failure):
            git("rev-parse", "--verify", "--quiet", main)
            return f"{main}..HEAD"
    print("There is no main here to compare with: only the newest commit is checked.")
    return "HEAD^!"


def check(span: str) -> None:
    found = list(commits(span))
    wrong = [
        f"{commit}: {text}" for commit, message in found if (text := problem(message, merges=False))
    ]
    print("\n".join([*wrong, f"{len(found)} commits in {span}, {len(wrong)} to reword"]))
    if wrong:
        raise Failure(f"TYPE is one of {TYPES}. To reword them: git rebase --interactive")


def is_merging() -> bool:
    """Return whether the commit being made concludes a merge."""
    try:
        return bool(git("rev-parse", "--verify", "--quiet", "MERGE_HEAD"))
    except Failure:
        return False


def check_message(path: Path) -> None:
    """Check the message of a commit that is being made."""
    try:
        text = path.read_text().partition(SCISSORS)[0]
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{path} can't be read: {error}") from None
    message = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    if not FIXUP.match(message) and (text := problem(message, merges=is_merging())):
        raise Failure(f"{text}. TYPE is one of {TYPES}")


def main() -> None:
    parser = argparse.ArgumentParser("scripts/check-commits", description=__doc__)
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "span", metavar="BASE..HEAD", nargs="?", help="default, or empty: the commits not on main"
    )
    what.add_argument("--message", metavar="FILE", type=Path, help="check one message: git's hook")
    args = parser.parse_args()
    if args.message:
        run("scripts/check-commits", lambda: check_message(args.message))
    else:
        run("scripts/check-commits", lambda: check(args.span or since_main()))


if __name__ == "__main__":
    main()
