"""Drills of scripts/rollback under load: it must be quick, and lose no request."""

from __future__ import annotations

import time

from rehearsal import local_aws
from rehearsal.drills import states
from rehearsal.drills.catalogue.deploys import BROKEN, SLEEP, UNBROKEN
from rehearsal.drills.context import DrillContext
from rehearsal.drills.drill import DEPLOYED, After, Drill, rolled_back
from rehearsal.drills.environment import break_pages, ring_while_it_returns
from rehearsal.drills.faults import aside
from rehearsal.drills.gates import DEPLOY
from rehearsal.drills.restore import rollback
from rehearsal.drills.scenarios import back, deploy, under_load
from rehearsal.drills.worktree import append, replace

# A rollback moves the service like a deploy, verifies it, and records it in a task. Its limit is a
# multiple of the deploy's time in the same run, so that it holds on a slow machine.
LONGER_THAN_DEPLOY = 4


def roll_back(context: DrillContext) -> None:
    """Deploy a change, and roll back without naming a version."""
    deployed = deploy(context)
    moved = deployed.seconds("deploy", DEPLOY.step)
    said, seconds = back(context)
    if moved and seconds > LONGER_THAN_DEPLOY * moved:
        context.problem(
            f"the rollback took {seconds:.0f} s, more than {LONGER_THAN_DEPLOY} times the"
            f" {moved:.0f} s of {DEPLOY.step}"
        )
    check_release(context, "rolled-back")
    context.observation.log = f"{said}\nrolled back in {seconds:.0f} s"


def roll_back_twice(context: DrillContext) -> None:
    """Roll back; again, which must do nothing; and then forward to the change by its name."""
    roll_back(context)
    before = states.environment("staging", deep=False).revision
    said, _ = back(context)
    if states.environment("staging", deep=False).revision != before:
        context.problem("a second rollback went one further back")
    forward, _ = back(context, "--to", context.observation.commit)
    context.observation.log = f"{said}\n{forward}"


def roll_back_meanwhile(context: DrillContext) -> None:
    """Wait until the service moves, and roll back like a person who interrupts a deploy."""
    context.wait_until_staging_moves()
    said = rollback("staging")
    if "stopping " not in said:
        context.problem(f"scripts/rollback did not stop the deployment: {said}")


def roll_back_before_the_alarm(context: DrillContext) -> None:
    """Ship a change, roll back after three minutes of errors, and let an alarm follow."""
    deploy(context)
    aside(ring_while_it_returns)(context)

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
        context.problem(f"/releases.json calls it {found[:1]}, and not {outcome}")


DRILLS = (
    Drill(
        "rollback",
        "A good deploy is regretted: scripts/rollback undoes it about as fast as it was deployed.",
        None,
        After(pushed=True, slack=DEPLOYED, says="rolled back in"),
        scenario=roll_back,
        instead="it is rolled back",
        seconds=120,
    ),
    Drill(
        "rollback-of-a-rollback",
        "The rollback is run once more, and then regretted itself.",
        None,
        After(runs="change", pushed=True, slack=DEPLOYED, says="Nothing is done"),
        scenario=roll_back_twice,
        instead="it is rolled back, and on again",
        seconds=190,
    ),
    Drill(
        "rollback-in-flight",
        "Somebody rolls back while new tasks, which take a minute to start, still come up.",
        DEPLOY,
        rolled_back(says="stopped by a user"),
        change=append("gunicorn.conf.py", SLEEP.format(60)),
        when={DEPLOY.step: aside(roll_back_meanwhile)},
        scenario=deploy,
        seconds=110,
    ),
    Drill(
        "alarm-during-a-rollback",
        "After three minutes of errors somebody rolls back, and an alarm goes off while it moves.",
        None,
        After(pushed=True, slack=DEPLOYED, says="result: verified", loses=True),
        change=replace("apps/releases/views.py", UNBROKEN, BROKEN),
        scenario=roll_back_before_the_alarm,
        instead="it is rolled back, and stays so",
        seconds=165,
    ),
)
