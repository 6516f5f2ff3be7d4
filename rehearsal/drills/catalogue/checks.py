"""What test.yml must stop: each runs the one job that has the gate, as for a pull request."""

from __future__ import annotations

from rehearsal.drills.drill import After, Drill, lint
from rehearsal.drills.tree import replace, write

VIEWS = "apps/releases/views.py"
MODELS = "apps/releases/models.py"
# A key of nobody's, put together here so that this file has none in it.
LEAKED = (
    "PRIVATE = '''-----BEGIN RSA " + "PRIVATE KEY-----\n{}\n-----END RSA " + "PRIVATE KEY-----'''\n"
)

RENAMED = """\
def rename(apps, schema_editor):
    schema_editor.execute("ALTER TABLE releases_release RENAME COLUMN version TO name")
"""

DRILLS = (
    Drill(
        "lint",
        "A module imports what it does not use.",
        lint("Run linting"),
        After(says="F401"),
        change=write("apps/releases/unused.py", "import os\n"),
    ),
    Drill(
        "format",
        "A file is not in black's form.",
        lint("Run linting"),
        After(says="would reformat"),
        change=write("apps/releases/form.py", "VERSIONS = {'a' : 1}\n"),
    ),
    Drill(
        "type-error",
        "A function returns another type than it says.",
        lint("Run type checking"),
        After(says="Incompatible return value type"),
        change=write("apps/releases/typed.py", 'def count() -> int:\n    return "1"\n'),
    ),
    Drill(
        "template-defect",
        "A template of the infrastructure names a property that AWS does not know.",
        lint("Check templates"),
        After(says="StopTimout"),
        change=replace("infra/service.yaml", "StopTimeout: 30", "StopTimout: 30"),
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
    ),
    Drill(
        "dockerfile-defect",
        "The Dockerfile takes whatever base image is the newest.",
        lint("Check Dockerfiles"),
        After(says="DL3007"),
        change=replace(
            "Dockerfile", "FROM python:3.11-slim-bookworm AS base", "FROM python:latest AS base"
        ),
    ),
)
