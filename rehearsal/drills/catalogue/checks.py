"""Drills of test.yml: each runs the job of its gate, as for a pull request."""

from __future__ import annotations

import re

from rehearsal.advisories import UNREACHABLE, are_reachable
from rehearsal.drills.drill import After, Drill
from rehearsal.drills.gates import lint, security, service
from rehearsal.drills.worktree import Worktree, append, both, migration, replace, write
from rehearsal.paths import REPOSITORY

MODELS = "apps/releases/models.py"
FIELD = "    outcome = models.CharField(max_length=11"
# A made-up secret without a server, so that the scan cannot verify it. It is in two parts, because
# otherwise the scan would find it in this file.
SCHEME, WORD = "mongodb", "kX9vR2mT7qLw4ZbN"
LEAKED = f'URL = "{SCHEME}://deploy:{WORD}@db.internal.invalid:27017/releases"\n'
SQLPARSE_0_4_3 = "0323c0ec29cd52bceabc1b4d9d579e311f3e4961b98d174201d5622a23b85e34"

ADD_NOTE = """\
def add_note(apps, schema_editor):
    schema_editor.execute("ALTER TABLE releases_release ADD COLUMN note varchar(9) NOT NULL")

"""
NOTE_BY_HAND = """migrations.RunPython(add_note, migrations.RunPython.noop, atomic=False),
        migrations.SeparateDatabaseAndState(state_operations=[
            migrations.AddField("release", "note", models.CharField(max_length=9, default="")),
        ])"""
NOTE = """migrations.AddField(
        "release", "note", models.CharField(max_length=9, default=""), preserve_default=False
    )"""

# A rename by expand and contract that forgets that the previous code still reads the old column.
COMMIT = "    commit = models.CharField(max_length=LONGEST_COMMIT)\n"
REVISION = '    revision = models.CharField(max_length=LONGEST_COMMIT, db_default="")\n'
MANAGER = "    objects = ReleaseQuerySet.as_manager()\n"
BY_ITS_OLD_NAME = f"""{MANAGER}
    @property
    def commit(self) -> str:
        return self.revision

    @commit.setter
    def commit(self, value: str) -> None:
        self.revision = value
"""
FILL_REVISION = """\
def fill_revision(apps, schema_editor):
    releases = apps.get_model("releases", "Release").objects.using(schema_editor.connection.alias)
    releases.update(revision=models.F("commit"))

"""
ADD_REVISION = """
        migrations.AddField(
            "release", "revision", models.CharField(max_length=64, db_default="")
        ),
        migrations.RunPython(fill_revision, migrations.RunPython.noop),"""
RENAME = f"""{ADD_REVISION}
        migrations.AlterField("release", "commit", models.CharField(max_length=64, db_default="")),
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RemoveField("release", "commit")]
        ),
    """


def note(options: str) -> str:
    return f"    note = models.CharField({options})\n{FIELD}"


def tamper(worktree: Worktree) -> None:
    """Change each hash of the first package."""
    path = "requirements.txt"
    text = (REPOSITORY / path).read_text()
    first, separator, rest = text.partition("    # via")
    tampered = re.sub(r"sha256:(\w)", lambda found: f"sha256:{int(found[1], 16) ^ 1:x}", first)
    worktree.write(path, tampered + separator + rest)


def make_vulnerable(worktree: Worktree) -> None:
    """Pin a package to the version before CVE-2023-30608 was fixed."""
    path = "requirements.txt"
    text = (REPOSITORY / path).read_text()
    hashed = f"sqlparse==0.4.3 \\\n    --hash=sha256:{SQLPARSE_0_4_3}\n"
    worktree.write(
        path, re.sub(r"^sqlparse==.*\n(?:    --hash.*\n)+", lambda _: hashed, text, flags=re.M)
    )


def leak_and_remove(worktree: Worktree) -> None:
    worktree.write("apps/releases/old.py", LEAKED)
    worktree.commit("Add a connection")
    (REPOSITORY / "apps/releases/old.py").unlink()


DRILLS = (
    Drill(
        "lint",
        "A module imports what it does not use.",
        lint("Run linting"),
        After(says="F401"),
        change=write("apps/releases/unused.py", "import os\n"),
        seconds=10,
    ),
    Drill(
        "format",
        "A file is not formatted with black.",
        lint("Run linting"),
        After(says="would reformat"),
        change=write("apps/releases/form.py", "VERSIONS = {'a' : 1}\n"),
        seconds=25,
    ),
    Drill(
        "type-error",
        "A function returns another type than it declares.",
        lint("Run type checking"),
        After(says="Incompatible return value type"),
        change=write("apps/releases/typed.py", 'def count() -> int:\n    return "1"\n'),
        seconds=30,
    ),
    Drill(
        "template-defect",
        "An infrastructure template names a property that AWS does not know.",
        lint("Check templates"),
        After(says="StopTimout"),
        change=replace("infra/service.yaml", "StopTimeout: 30", "StopTimout: 30"),
        seconds=35,
    ),
    Drill(
        "workflow-defect",
        "A workflow uses an action by a tag, which its owner can move.",
        lint("Check workflows"),
        After(says="unpinned-uses"),
        change=write(
            ".github/workflows/extra.yml",
            "name: Extra\non: push\npermissions: {}\njobs:\n  extra:\n    name: extra\n"
            "    runs-on: ubuntu-24.04\n    steps:\n      - uses: actions/setup-node@v4\n",
        ),
        seconds=45,
    ),
    Drill(
        "dockerfile-defect",
        "The Dockerfile uses the newest base image instead of a fixed version.",
        lint("Check Dockerfiles"),
        After(says="DL3007"),
        change=replace("Dockerfile", "FROM python:3.11-slim-bookworm AS", "FROM python:latest AS"),
        seconds=45,
    ),
    Drill(
        "tampered-hash",
        "The hash of a package differs from the pinned one.",
        lint("Install dependencies"),
        After(says="DO NOT MATCH THE HASHES"),
        change=tamper,
        seconds=30,
    ),
    Drill(
        "missing-migration",
        "A model changes without a migration.",
        service("Check migrations"),
        After(says="Add field note to release"),
        change=replace(MODELS, FIELD, note('max_length=9, default=""')),
        seconds=55,
    ),
    Drill(
        "incompatible-migration",
        "A new column has no default in the database, and the code before it does not fill it.",
        service("Check migrations"),
        After(says="NOT NULL constraint"),
        change=both(replace(MODELS, FIELD, note("max_length=9")), migration("0900_note", NOTE)),
        seconds=50,
    ),
    Drill(
        "incompatible-in-disguise",
        "A Python function in a migration adds a column without a default; no linter reads it.",
        service("Check that the previous version runs on this schema"),
        After(says="would not be safe"),
        change=both(
            replace(MODELS, FIELD, note('max_length=9, default=""')),
            migration("0900_note", NOTE_BY_HAND, ADD_NOTE),
        ),
        seconds=25,
    ),
    Drill(
        "rename-of-one-column",
        "A column is renamed by expand and contract, but the new code writes only the new column.",
        service("Check that the previous version runs on this schema"),
        After(says="this version writes revision, which the previous version does not know"),
        change=both(
            replace(MODELS, COMMIT, REVISION),
            replace(MODELS, MANAGER, BY_ITS_OLD_NAME),
            migration("0900_revision", RENAME, FILL_REVISION),
        ),
        seconds=30,
    ),
    Drill(
        "production-settings",
        "The production settings turn DEBUG on.",
        service("Check production settings"),
        After(says="security.W018"),
        change=append("myproject/settings/production.py", "\nDEBUG = True\n"),
    ),
    Drill(
        "failing-test",
        "A test fails.",
        service("Run tests"),
        After(says="1 failed"),
        change=write(
            "apps/releases/tests/test_drill.py", "def test_sum() -> None:\n    assert 1 + 1 == 3\n"
        ),
        seconds=65,
    ),
    Drill(
        "coverage-drop",
        "No test runs a new function.",
        service("Run tests"),
        After(says="Required test coverage of 100"),
        change=append("apps/releases/views.py", "\n\ndef nobody() -> int:\n    return 1\n"),
    ),
    Drill(
        "vulnerable-dependency",
        "A pinned package has a known vulnerability.",
        security("Security check (dependencies)"),
        After(says="sqlparse 0.4.3: "),
        change=make_vulnerable,
        unless=lambda: "" if are_reachable() else UNREACHABLE,
    ),
    Drill(
        "leaked-secret",
        "A change contains a password.",
        security("Security check (secrets)"),
        After(says="MongoDB"),
        change=write("apps/releases/old.py", LEAKED),
        seconds=25,
    ),
    Drill(
        "leaked-secret-in-history",
        "A change adds a password in one commit and removes it in the next.",
        security("Security check (secrets)"),
        After(says="MongoDB"),
        change=leak_and_remove,
        seconds=25,
    ),
)
