"""What a drill does besides its fault: which workflows it runs, and in which order."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from rehearsal import events, local_aws, repository
from rehearsal.drills import seen as look
from rehearsal.drills.drill import PRODUCTION, STAGING, TEST, Play
from rehearsal.drills.scene import Scene, rollback
from rehearsal.errors import Failure
from rehearsal.repository import git
from rehearsal.stages import DEPLOYED
from rehearsal.timeline import Stage
from rehearsal.watch import Rollout

# The step gives up after 60 s; twice that is more than a busy machine adds.
SLACK_SECONDS = 120


def usual(scene: Scene) -> None:
    """Run the gate's workflow once; a change that has to ship goes to staging."""
    if scene.drill.gate and scene.drill.gate.workflow == TEST:
        check(scene)
    else:
        deploy(scene)


def check(scene: Scene) -> None:
    """Run the gate's job of test.yml, as for a pull request."""
    assert scene.drill.gate
    payload = events.pull_request(scene.merged)
    scene.run(
        TEST,
        "pull_request",
        payload,
        "--job",
        scene.drill.gate.job,
        "--matrix",
        f"mysql:{DEPLOYED}",
    )


def deploy(scene: Scene) -> Stage:
    """Merge the change, run the deploy to staging under load, and return what ran."""
    change = scene.merged
    repository.merge(change)
    return scene.run(STAGING, "push", events.push(change), environment="staging")


def deploy_without_slack(scene: Scene) -> None:
    """Deploy, and say for how long Slack held up the run."""
    stage = deploy(scene)
    (took,) = [
        (step.finished or stage.finished or 0) - step.started
        for job in stage.jobs
        for step in job.steps
        if step.name == "Notify Slack"
    ]
    scene.seen.log = f"Slack, which is down, held up the run for {took:.0f} s"
    if took > SLACK_SECONDS:
        scene.problem(scene.seen.log)


def deploy_older(scene: Scene) -> None:
    """Let staging run the change, and deploy what it was made on, as an old run repeated."""
    local_aws.seed("staging", scene.seen.commit, scene.seen.commit)
    scene.on_main()
    scene.run(STAGING, "push", events.push(scene.ground), environment="staging")


def tag(version: str = "", *, on: str = "ground") -> Play:
    """Return the course that tags a commit, and runs the deploy to production under load.

    Without a version it is the ground's. On `ground`, which is main; or on `change`, which isn't.
    """

    def play(scene: Scene) -> None:
        scene.on_main()
        name = version or scene.ground.version
        commit = scene.ground.merge if on == "ground" else scene.merged.merge
        repository.show(commit, "main" if on == "ground" else "change")
        if repository.is_tag(name):
            git("tag", "--annotate", "--force", f"--message={name}", name, commit)
        scene.run(
            PRODUCTION, "push", events.push_tag(name, commit), environment=scene.drill.environment
        )

    return play


def ship_after(course: Play) -> Play:
    """Return a course after which the next good change must ship."""

    def play(scene: Scene) -> None:
        course(scene)
        scene.end_faults()
        ship(scene)

    return play


def ship(scene: Scene) -> None:
    """Revert the change by a good one, which must get through."""
    stopped, log = list(scene.seen.failed), scene.seen.log
    bad = scene.seen.commit
    scene.make(None)
    scene.seen.also_pushed = {bad}
    deploy(scene)
    if scene.seen.failed != stopped:
        scene.problem(f"the next good change was stopped by {scene.seen.failed[-1]}")
    scene.seen.failed, scene.seen.log = stopped, log


def ignore_and_replace(scene: Scene) -> None:
    """Ship it, then roll it back under load: its tasks have to be killed."""
    deploy(scene)
    revision = look.environment("staging", deep=False).revision
    back(scene, "--revision", scene.seen.before["staging"].revision)
    scene.settle()
    codes = [
        code
        for task in local_aws.service("staging")["tasks"]
        if task["revision"] == revision
        for code in task["exitCodes"]
    ]
    if not codes or set(codes) != {137}:
        scene.problem(f"its tasks ended with {codes}, and should have been killed (137)")


def back(scene: Scene, *words: str) -> tuple[str, float]:
    """Run scripts/rollback under load; return what it printed, and how long it took."""
    return under_load(scene, "scripts/rollback", lambda: rollback("staging", *words))


def under_load(scene: Scene, script: str, act: Callable[[], str]) -> tuple[str, float]:
    """Run a script on staging while requests come in; return what it printed, and its seconds."""
    timeline = scene.rehearsal.timeline
    stage = Stage(script, script, timeline.now())
    timeline.stages.append(stage)
    rollout = Rollout(timeline, stage, "staging")
    rollout.start()
    begin = time.monotonic()
    try:
        said = act()
    finally:
        took = time.monotonic() - begin
        with suppress(Failure):
            rollout.stop()
        stage.finished = timeline.now()
    scene.seen.take(stage)
    return said, took
