"""What undoes a deploy, under load: it must be quick, and lose nothing."""

from __future__ import annotations

import time

from rehearsal import local_aws
from rehearsal.drills import seen as look
from rehearsal.drills.catalogue.deploys import BROKEN, SLEEP, UNBROKEN
from rehearsal.drills.courses import back, deploy, under_load
from rehearsal.drills.drill import DEPLOY, DEPLOYED, ROLLED_BACK, After, Drill
from rehearsal.drills.environment import break_pages, ring_while_it_returns
from rehearsal.drills.faults import aside
from rehearsal.drills.scene import Scene, rollback
from rehearsal.drills.tree import append, replace

# A rollback moves the service as the deploy did, verifies it, and records it in a task of its own.
# Against the deploy in the same run, the figure holds on a slow machine too.
LONGER_THAN_DEPLOY = 4


def roll_back(scene: Scene) -> None:
    """Ship a change, and return to what ran before it by the script that names nothing."""
    deployed = deploy(scene)
    moved = deployed.seconds("deploy", DEPLOY.step)
    said, seconds = back(scene)
    if moved and seconds > LONGER_THAN_DEPLOY * moved:
        scene.problem(
            f"the rollback took {seconds:.0f} s, more than {LONGER_THAN_DEPLOY} times the"
            f" {moved:.0f} s of {DEPLOY.step}"
        )
    check_release(scene, "rolled-back")
    scene.seen.log = f"{said}\nrolled back in {seconds:.0f} s"


def roll_back_twice(scene: Scene) -> None:
    """Roll back; again, which must do nothing; and forward to the change, by its name."""
    roll_back(scene)
    before = look.environment("staging", deep=False).revision
    said, _ = back(scene)
    if look.environment("staging", deep=False).revision != before:
        scene.problem("a second rollback went one further back")
    forward, _ = back(scene, "--to", scene.seen.commit)
    scene.seen.log = f"{said}\n{forward}"


def roll_back_meanwhile(scene: Scene) -> None:
    """Wait until the service moves, and roll back as somebody who sees that it must not."""
    scene.wait_until_staging_moves()
    said = rollback("staging")
    if "stopping " not in said:
        scene.problem(f"scripts/rollback did not stop the deployment: {said}")


def roll_back_before_the_alarm(scene: Scene) -> None:
    """Ship a change, roll back after three minutes of errors, and let an alarm follow."""
    deploy(scene)
    aside(ring_while_it_returns)(scene)

    def act() -> str:
        break_pages(scene)
        time.sleep(3 * 60 / local_aws.CLOCK)
        return rollback("staging")

    scene.seen.log, _ = under_load(scene, "scripts/rollback", act)


def check_release(scene: Scene, outcome: str) -> None:
    """Make sure that /releases.json says how the change ended."""
    found = [r.outcome for r in local_aws.releases("staging") if r.commit == scene.seen.commit]
    if found[:1] != [outcome]:
        scene.problem(f"/releases.json calls it {found[:1]}, and not {outcome}")


DRILLS = (
    Drill(
        "rollback",
        "A good deploy is regretted: scripts/rollback undoes it about as fast as it was deployed.",
        None,
        After(pushed=True, slack=DEPLOYED, says="rolled back in"),
        play=roll_back,
        instead="it is rolled back",
        seconds=120,
    ),
    Drill(
        "rollback-of-a-rollback",
        "The rollback is run once more, and then regretted itself.",
        None,
        After(runs="change", pushed=True, slack=DEPLOYED, says="Nothing is done"),
        play=roll_back_twice,
        instead="it is rolled back, and on again",
        seconds=190,
    ),
    Drill(
        "rollback-in-flight",
        "Somebody rolls back while new tasks, which take a minute to start, still come up.",
        DEPLOY,
        After(pushed=True, slack=ROLLED_BACK, says="stopped by a user"),
        change=append("gunicorn.conf.py", SLEEP.format(60)),
        when={DEPLOY.step: aside(roll_back_meanwhile)},
        play=deploy,
        seconds=110,
    ),
    Drill(
        "alarm-during-a-rollback",
        "After three minutes of errors somebody rolls back, and an alarm goes off while it moves.",
        None,
        After(pushed=True, slack=DEPLOYED, says="result: verified", loses=True),
        change=replace("apps/releases/views.py", UNBROKEN, BROKEN),
        play=roll_back_before_the_alarm,
        instead="it is rolled back, and stays so",
        seconds=165,
    ),
)
