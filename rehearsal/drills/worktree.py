"""The worktree of the rehearsal's repository, and edits of it."""

from __future__ import annotations

from collections.abc import Callable

from rehearsal.errors import Failure
from rehearsal.paths import REPOSITORY
from rehearsal.repository import git

MIGRATIONS = "apps/releases/migrations"
# Changes files of the worktree, and may commit in between.
Edit = Callable[["Worktree"], None]


class Worktree:
    """The worktree. Paths are relative to the repository."""

    def write(self, path: str, text: str) -> None:
        target = REPOSITORY / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def replace(self, path: str, old: str, new: str) -> None:
        """Replace a text; raise Failure if it is missing: the drill would then test nothing."""
        text = (REPOSITORY / path).read_text()
        if old not in text:
            raise Failure(f"{path} does not contain {old!r}: adapt the drill to the present code")
        self.write(path, text.replace(old, new, 1))

    def append(self, path: str, text: str) -> None:
        self.write(path, (REPOSITORY / path).read_text() + text)

    def commit(self, message: str) -> None:
        git("add", "--all")
        git("commit", "--quiet", "--allow-empty", f"--message={message}")

    def last_migration(self) -> str:
        return max(path.stem for path in (REPOSITORY / MIGRATIONS).glob("0*.py"))


def write(path: str, text: str) -> Edit:
    return lambda worktree: worktree.write(path, text)


def append(path: str, text: str) -> Edit:
    return lambda worktree: worktree.append(path, text)


def replace(path: str, old: str, new: str) -> Edit:
    return lambda worktree: worktree.replace(path, old, new)


def migration(name: str, operations: str, functions: str = "") -> Edit:
    """Return an edit that adds a migration of the releases after the last one."""

    def edit(worktree: Worktree) -> None:
        last = worktree.last_migration()
        worktree.write(
            f"{MIGRATIONS}/{name}.py",
            "import time\n\nfrom django.db import migrations, models\n\n\n"
            f"{functions}\n\nclass Migration(migrations.Migration):\n"
            f'    dependencies = [("releases", "{last}")]\n'
            f"    operations = [{operations}]\n",
        )

    return edit


def both(*edits: Edit) -> Edit:
    def edit(worktree: Worktree) -> None:
        for one in edits:
            one(worktree)

    return edit


def without_step(workflow: str, name: str) -> str:
    """Return a workflow without the steps of a name; raise Failure if there is none."""
    kept, dropping, found = [], False, False
    for line in workflow.splitlines(keepends=True):
        if line.strip() and not line.startswith(" " * 7):  # a step, a job, or a comment on one
            dropping = line == f"      - name: {name}\n"
            found = found or dropping
        if not dropping:
            kept.append(line)
    if not found:
        raise Failure(f"the workflow has no step {name!r}")
    return "".join(kept)
