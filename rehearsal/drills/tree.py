"""The working tree of the scratch repository, as a change that is rehearsed edits it."""

from __future__ import annotations

from rehearsal.drills.drill import Edit
from rehearsal.errors import Failure
from rehearsal.places import REPOSITORY
from rehearsal.repository import git

MIGRATIONS = "apps/releases/migrations"


class Tree:
    """Files by their path in the repository."""

    def write(self, path: str, text: str) -> None:
        target = REPOSITORY / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def replace(self, path: str, old: str, new: str) -> None:
        """Replace what must be there: a drill that changes nothing would prove nothing."""
        text = (REPOSITORY / path).read_text()
        if old not in text:
            raise Failure(f"the drill finds no {old!r} in {path}: adapt it to the code of today")
        self.write(path, text.replace(old, new, 1))

    def append(self, path: str, text: str) -> None:
        self.write(path, (REPOSITORY / path).read_text() + text)

    def commit(self, message: str) -> None:
        git("add", "--all")
        git("commit", "--quiet", "--allow-empty", f"--message={message}")

    def last_migration(self) -> str:
        return max(path.stem for path in (REPOSITORY / MIGRATIONS).glob("0*.py"))


def write(path: str, text: str) -> Edit:
    return lambda tree: tree.write(path, text)


def append(path: str, text: str) -> Edit:
    return lambda tree: tree.append(path, text)


def replace(path: str, old: str, new: str) -> Edit:
    return lambda tree: tree.replace(path, old, new)


def migration(name: str, operations: str, functions: str = "") -> Edit:
    """Return the edit that adds a migration of the releases after the last one."""

    def edit(tree: Tree) -> None:
        last = tree.last_migration()
        tree.write(
            f"{MIGRATIONS}/{name}.py",
            "import time\n\nfrom django.db import migrations, models\n\n\n"
            f"{functions}\n\nclass Migration(migrations.Migration):\n"
            f'    dependencies = [("releases", "{last}")]\n'
            f"    operations = [{operations}]\n",
        )

    return edit


def both(*edits: Edit) -> Edit:
    def edit(tree: Tree) -> None:
        for one in edits:
            one(tree)

    return edit


def without_step(workflow: str, name: str) -> str:
    """Return a workflow without its steps of a name; raise Failure where there is none."""
    kept, dropping, found = [], False, False
    for line in workflow.splitlines(keepends=True):
        if line.strip() and not line.startswith(" " * 7):  # a step, a job, or a comment on one
            dropping = line == f"      - name: {name}\n"
            found = found or dropping
        if not dropping:
            kept.append(line)
    if not found:
        raise Failure(f"there is no step {name!r} to remove")
    return "".join(kept)
