"""A checkout in a separate folder, for commands that change the whole tree."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from delivery.errors import Failure
from delivery.git import git


def check_clean() -> None:
    if changed := git("status", "--porcelain"):
        raise Failure(f"{changed.splitlines()[0].strip()}: commit, stash or remove the changes")


@contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """Yield a folder with the files of a commit, which shares nothing with the working tree."""
    with TemporaryDirectory(prefix="myproject-checkout-") as parent:
        folder = Path(parent) / "tree"
        git("worktree", "add", "--quiet", "--detach", str(folder), commit)
        try:
            yield folder
        finally:
            git("worktree", "remove", "--force", str(folder))
