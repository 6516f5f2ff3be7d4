"""Scenarios: the workflows and scripts that a drill runs, in order."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from rehearsal import events, local_aws, repository
from rehearsal.drills import restore, states
from rehearsal.drills.context import DrillContext, Scenario
from rehearsal.drills.gates import PRODUCTION, STAGING, TEST
from rehearsal.drills.restore import rollback
from rehearsal.errors import Failure
from rehearsal.repository import git
from rehearsal.stages import PRODUCTION_MYSQL
from rehearsal.timeline import Stage
from rehearsal.watch import LoadedRollout

# The step gives up after 60 s, which takes less than twice as long on a busy machine.
SLACK_SECONDS = 120


def usual(context: DrillContext) -> None:
    """Run the gate's workflow once; without a gate, deploy to staging."""
    if context.setup.gate and context.setup.gate.workflow == TEST:
        check(context)
    else:
        deploy(context)


def check(context: DrillContext) -> None:
    """Run the gate's job of test.yml, as for a pull request."""
    assert context.setup.gate
    payload = events.pull_request(context.merged)
    context.run(
        TEST,
        "pull_request",
        payload,
        "--job",
        context.setup.gate.job,
        "--matrix",
        f"mysql:{PRODUCTION_MYSQL}",
    )


def deploy(context: DrillContext) -> Stage:
    """Merge the change, run the deploy to staging under load, and return what ran."""
    change = context.merged
    repository.merge(change)
    return context.run(STAGING, "push", events.push(change), environment="staging")


def deploy_without_slack(context: DrillContext) -> None:
    """Deploy, and report how long the unreachable Slack delayed the run."""
    stage = deploy(context)
    (took,) = [
        (step.finished or stage.finished or 0) - step.started
        for job in stage.jobs
        for step in job.steps
        if step.name == "Notify Slack"
    ]
    context.observation.log = f"the unreachable Slack delayed the run by {took:.0f} s"
    if took > SLACK_SECONDS:
        context.problem(context.observation.log)


def deploy_older(context: DrillContext) -> None:
    """Let staging run the change, and deploy the baseline, like a repeated old run."""
    local_aws.seed("staging", context.observation.commit, context.observation.commit)
    context.on_main()
    context.run(STAGING, "push", events.push(context.baseline), environment="staging")


def tag(version: str = "", *, on: str = "baseline") -> Scenario:
    """Return the scenario that tags a commit, and runs the deploy to production under load.

    The default version is the baseline's. `on` is `baseline`, which is on main, or the drill's
    change: `merged`, which staging never ran, or `unmerged`.
    """

    def run(context: DrillContext) -> None:
        context.on_main()
        name = version or context.baseline.version
        commit = context.baseline.merge if on == "baseline" else context.merged.merge
        if on == "merged":
            repository.merge(context.merged)
        repository.show(commit, "change" if on == "unmerged" else "main")
        if repository.is_tag(name):
            git("tag", "--annotate", "--force", f"--message={name}", name, commit)
        context.run(
            PRODUCTION, "push", events.push_tag(name, commit), environment=context.setup.environment
        )

    return run


def ship_after(scenario: Scenario) -> Scenario:
    """Return a scenario after which the next good change must be deployed."""

    def run(context: DrillContext) -> None:
        scenario(context)
        context.end_faults()
        ship(context)

    return run


def ship(context: DrillContext) -> None:
    """Replace the change with a good one, which must be deployed."""
    stopped, log = list(context.observation.failed), context.observation.log
    bad = context.observation.commit
    context.make(None)
    context.observation.also_pushed = {bad}
    deploy(context)
    if context.observation.failed != stopped:
        context.problem(f"'{context.observation.failed[-1]}' stopped the next good change")
    context.observation.failed, context.observation.log = stopped, log


def ignore_and_replace(context: DrillContext) -> None:
    """Deploy the change and roll it back under load; ECS must kill its tasks."""
    deploy(context)
    revision = states.environment("staging", deep=False).revision
    roll_back_under_load(context, "--revision", context.observation.before["staging"].revision)
    restore.wait_until_stable()
    codes = [
        code
        for task in local_aws.service("staging")["tasks"]
        if task["revision"] == revision
        for code in task["exitCodes"]
    ]
    if not codes or set(codes) != {137}:
        context.problem(f"the tasks exited with {codes}; expected: 137, as they must be killed")


def roll_back_under_load(context: DrillContext, *words: str) -> tuple[str, float]:
    """Run scripts/rollback under load; return its output and its seconds."""
    return under_load(context, "scripts/rollback", lambda: rollback("staging", *words))


def under_load(context: DrillContext, script: str, act: Callable[[], str]) -> tuple[str, float]:
    """Run a script on staging under load; return its output and its seconds."""
    timeline = context.workflows.rehearsal.timeline
    stage = Stage(script, script, timeline.now())
    timeline.stages.append(stage)
    rollout = LoadedRollout(timeline, stage, "staging")
    rollout.start()
    begin = time.monotonic()
    try:
        said = act()
    finally:
        took = time.monotonic() - begin
        with suppress(Failure):
            rollout.stop()
        stage.finished = timeline.now()
    context.observation.add(stage)
    return said, took
