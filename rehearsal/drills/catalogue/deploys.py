"""What a deploy must stop, or survive: each runs deploy-staging.yml under load."""

from __future__ import annotations

from rehearsal.drills.drill import DEPLOY, DEPLOYED, MIGRATE, NOT_MOVED, ROLLED_BACK, After, Drill
from rehearsal.drills.tree import append, migration

FAILS = """\
def fail(apps, schema_editor):
    raise RuntimeError("these rows can't be converted")

"""

DRILLS = (
    Drill(
        "good-change",
        "Nothing goes wrong: so that a drill that stops is stopped by its fault.",
        None,
        After(runs="change", pushed=True, slack=DEPLOYED),
    ),
    Drill(
        "migration-fails",
        "A migration raises an error.",
        MIGRATE,
        After(pushed=True, slack=NOT_MOVED, says="these rows can't be converted"),
        change=migration("0900_fails", "migrations.RunPython(fail)", FAILS),
    ),
    Drill(
        "task-crashes",
        "The service ends as soon as it starts.",
        DEPLOY,
        After(pushed=True, slack=ROLLED_BACK, says="ECS gave it up"),
        change=append("gunicorn.conf.py", '\nraise SystemExit("it can not start")\n'),
    ),
)
