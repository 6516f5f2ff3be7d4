"""Run one drill: make its change, inject its faults, observe the result and clean up."""

from __future__ import annotations

from collections.abc import Callable

from rehearsal import local_aws, repository
from rehearsal.drills import restore, scenarios, states
from rehearsal.drills.context import DrillContext
from rehearsal.drills.drill import Drill
from rehearsal.drills.observation import Observation
from rehearsal.drills.workflows import WorkflowRunner, log_of
from rehearsal.repository import Change
from rehearsal.stages import Rehearsal
from rehearsal.timeline import Job, Step, Timeline


def new_context(
    drill: Drill,
    rehearsal: Rehearsal,
    baseline: Change,
    without_gate: bool,
    show: Callable[[Job, Step | None], None],
) -> DrillContext:
    workflows = WorkflowRunner(drill, rehearsal, without_gate, show)
    return DrillContext(workflows, baseline, drill.when)


def run_drill(drill: Drill, context: DrillContext) -> Observation:
    """Run a drill, restore the state before it, and return the observation."""
    log_of(drill.name).unlink(missing_ok=True)
    observation, timeline = context.observation, context.workflows.rehearsal.timeline
    observation.before = states.environments(deep=True)
    observation.baseline = context.baseline.merge
    messages = len(timeline.messages)
    try:
        with context.cleanup.faults, context.cleanup.outages:
            if drill.staged:
                deploy_baseline(context)
            context.keep_branches()
            context.make(drill.change)
            if drill.given:
                drill.given(context)
            (drill.scenario or scenarios.usual)(context)
            observation.at_end = states.environments(deep=False)
        observation.slack = slack_messages(timeline, messages)
        restore.wait_until_stable()
        observation.after = states.environments(deep=True)
    finally:
        with context.cleanup.data:
            released = drill.environment == "production"
            problems = restore.return_environments(observation.before, released=released)
            observation.problems += problems
    return observation


def deploy_baseline(context: DrillContext) -> None:
    """Deploy the baseline to staging, unless it runs there already."""
    baseline = context.baseline
    if context.observation.before["staging"].commit != baseline.merge:
        repository.show(baseline.merge, "change")
        local_aws.seed("staging", baseline.version, baseline.merge)
        context.observation.before = states.environments(deep=True)


def slack_messages(timeline: Timeline, first: int) -> list[str]:
    return [one.text for one in timeline.messages[first:] if one.receiver == "Slack"]
