"""Drills of scripts/rollback under load: a rollback must be quick and lose no request."""

from __future__ import annotations

import time

from rehearsal import local_aws
from rehearsal.drills import states
from rehearsal.drills.catalogue.checks import (
    ADD_REVISION,
    COMMIT,
    FILL_REVISION,
    MODELS,
    REVISION,
)
from rehearsal.drills.catalogue.deploys import BROKEN, DROP, FORGET, SLEEP, UNBROKEN
from rehearsal.drills.context import DrillContext
from rehearsal.drills.drill import DEPLOYED, After, Drill, rolled_back
from rehearsal.drills.environment import break_pages, set_alarm_during_rollback
from rehearsal.drills.faults import in_background, schema
from rehearsal.drills.gates import DEPLOY
from rehearsal.drills.restore import rollback
from rehearsal.drills.scenarios import deploy, roll_back_under_load, under_load
from rehearsal.drills.worktree import append, both, migration, replace

# A rollback moves the service like a deploy, verifies it, and records it in a task. Its limit is a
# multiple of the deploy's time in the same run, so that it holds on a slow machine.
LONGER_THAN_DEPLOY = 4

CLEAN = "    def clean(self) -> None:\n"
WRITES_BOTH = f"""\
    def save(self, **options):
        self.revision = self.commit
        super().save(**options)

{CLEAN}"""


def roll_back(context: DrillContext) -> None:
    """Deploy a change, and roll back without naming a version."""
    deployed = deploy(context)
    moved = deployed.seconds("deploy", DEPLOY.step)
    said, seconds = roll_back_under_load(context)
    if moved and seconds > LONGER_THAN_DEPLOY * moved:
        context.problem(
            f"the rollback took {seconds:.0f} s, more than {LONGER_THAN_DEPLOY} times the"
            f" {moved:.0f} s of {DEPLOY.step}"
        )
    check_release(context, "rolled-back")
    context.observation.log = f"{said}\nrolled back in {seconds:.0f} s"


def roll_back_twice(context: DrillContext) -> None:
    """Roll back, roll back again, which must do nothing, and go forward to the change."""
    roll_back(context)
    before = states.environment("staging", deep=False).revision
    said, _ = roll_back_under_load(context)
    if states.environment("staging", deep=False).revision != before:
        context.problem("the second rollback went back by another version")
    forward, _ = roll_back_under_load(context, "--to", context.observation.commit)
    context.observation.log = f"{said}\n{forward}"


def roll_back_during_deploy(context: DrillContext) -> None:
    """Roll back while the deploy is still starting its tasks."""
    context.wait_until_staging_moves()
    said = rollback("staging")
    if "stopping " not in said:
        context.problem(f"scripts/rollback did not stop the deployment: {said}")


def roll_back_before_the_alarm(context: DrillContext) -> None:
    """Ship a change, roll back after three minutes of errors, and let an alarm follow."""
    deploy(context)
    in_background(set_alarm_during_rollback)(context)

    def act() -> str:
        break_pages(context)
        time.sleep(3 * 60 / local_aws.CLOCK)
        return rollback("staging")

    context.observation.log, _ = under_load(context, "scripts/rollback", act)


def check_release(context: DrillContext, outcome: str) -> None:
    """Check that /releases.json has the outcome of the change."""
    found = [
        r.outcome for r in local_aws.releases("staging") if r.commit == context.observation.commit
    ]
    if found[:1] != [outcome]:
        context.problem(
            f"/releases.json calls the change {(found or ['nothing'])[0]}; expected: {outcome}"
        )


DRILLS = (
    Drill(
        "rollback",
        "Somebody takes back a good deploy. This must not take much longer than the deploy.",
        None,
        After(pushed=True, slack=DEPLOYED, says="rolled back in"),
        scenario=roll_back,
        instead="it is rolled back",
        seconds=120,
    ),
    Drill(
        "rollback-of-a-rename",
        "Somebody takes back the first step of a renamed column. The old version must show the"
        " release that the new one recorded.",
        None,
        After(
            pushed=True,
            migrated=("releases.0900_revision",),
            slack=DEPLOYED,
            says="rolled back in",
        ),
        change=both(
            replace(MODELS, COMMIT, COMMIT + REVISION),
            replace(MODELS, CLEAN, WRITES_BOTH),
            migration("0900_revision", f"{ADD_REVISION}\n    ", FILL_REVISION),
        ),
        given=schema(DROP.format("revision"), FORGET),
        scenario=roll_back,
        instead="it is rolled back, and every record is visible",
        seconds=120,
    ),
    Drill(
        "rollback-of-a-rollback",
        "Somebody repeats a rollback, which must do nothing, and then goes forward again.",
        None,
        After(runs="change", pushed=True, slack=DEPLOYED, says="Nothing is done"),
        scenario=roll_back_twice,
        instead="it is rolled back, then forward again",
        seconds=190,
    ),
    Drill(
        "rollback-in-flight",
        "Somebody rolls back while new tasks, which take a minute to start, are still starting.",
        DEPLOY,
        rolled_back(says="stopped by a user"),
        change=append("gunicorn.conf.py", SLEEP.format(60)),
        when={DEPLOY.step: in_background(roll_back_during_deploy)},
        scenario=deploy,
        seconds=110,
    ),
    Drill(
        "alarm-during-a-rollback",
        "After three minutes of errors somebody rolls back. An alarm goes off during the rollback.",
        None,
        After(pushed=True, slack=DEPLOYED, says="result: verified", loses=True),
        change=replace("apps/releases/views.py", UNBROKEN, BROKEN),
        scenario=roll_back_before_the_alarm,
        instead="it is rolled back, in spite of the alarm",
        seconds=165,
    ),
)
