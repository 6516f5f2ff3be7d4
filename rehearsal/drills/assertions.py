"""Assertions on a drill: its gate stopped it, and nothing else has changed."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from rehearsal.drills.drill import Drill
from rehearsal.drills.gates import MIGRATE
from rehearsal.drills.observation import Observation
from rehearsal.drills.states import EnvironmentState


def problems(drill: Drill, observation: Observation) -> list[str]:
    """Return the problems of a drill; an empty list if it passed."""
    return [
        *observation.problems,
        *wrong_gate(drill, observation),
        *wrong_state(drill, observation),
        *wrong_record(drill, observation),
        *wrong_messages(drill, observation),
        *wrong_requests(drill, observation),
    ]


def wrong_gate(drill: Drill, observation: Observation) -> Iterator[str]:
    """Yield a problem if another gate or none stopped the drill."""
    stopped = observation.failed[0] if observation.failed else None
    if stopped == drill.gate:
        if not stopped and observation.reason:
            yield f"the run failed: {observation.reason}"
        return
    if drill.gate is None:
        yield f"'{stopped}' stopped the change, which should have shipped"
    elif stopped is None:
        yield f"no step stopped the fault; expected: '{drill.gate}'" + (
            f" ({observation.reason})" if observation.reason else ""
        )
    else:
        when = "too late" if drill.gate in observation.ran else "too early"
        yield f"'{stopped}' stopped the fault {when}; expected: '{drill.gate}'"


def wrong_state(drill: Drill, observation: Observation) -> Iterator[str]:
    for name, before in observation.before.items():
        mine = name == drill.environment
        commits = {
            "before": before.commit,
            "change": observation.commit,
            "baseline": observation.baseline,
        }
        wanted = commits[drill.after.runs] if mine else before.commit
        yield from wrong_environment(name, wanted, before, observation)
        gone = observation.at_end[name]
        if drill.after.runs == "before" and gone.revision != before.revision:
            yield f"{name} was left on {gone.revision}; expected: {before.revision}"
        new = observation.after[name].migrations - before.migrations
        migrated = set(drill.after.migrated) if mine else set()
        if new != migrated:
            yield f"{name}'s database has {listed(new)} as new migrations; {expected(migrated)}"
    pushed = observation.after["staging"].tags - observation.before["staging"].tags
    images = ({observation.commit} if drill.after.pushed else set()) | observation.also_pushed
    if pushed != images:
        yield f"staging's registry has {listed(pushed)} as new images; {expected(images)}"


def listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


def expected(names: Collection[str]) -> str:
    return f"expected: {listed(names)}"


def wrong_environment(
    name: str, wanted: str, before: EnvironmentState, observation: Observation
) -> Iterator[str]:
    now = observation.after[name]
    if now.commit != wanted:
        yield f"{name} runs {now.commit[:12] or 'nothing'}; expected: {wanted[:12]}"
    if not now.ready:
        yield f"{name} is not ready"
    if not now.stable:
        yield f"{name} is not stable: a deployment is in progress, or a task is not healthy"
    if before.live == before.commit and now.live != now.commit:
        yield f"{name} runs {now.commit[:12]}, but /releases.json calls {now.live[:12]} live"


def wrong_record(drill: Drill, observation: Observation) -> Iterator[str]:
    """Yield a problem if a change whose migration ran is not recorded as rolled back."""
    migrated = MIGRATE in observation.ran and MIGRATE not in observation.failed
    outcome = observation.after[drill.environment].outcomes.get(observation.commit, "nothing")
    if drill.after.runs == "before" and migrated and outcome != "rolled-back":
        yield f"/releases.json calls {observation.commit[:12]} {outcome}; expected: rolled-back"


def wrong_messages(drill: Drill, observation: Observation) -> Iterator[str]:
    if drill.after.says not in f"{observation.log}\n{observation.printed}":
        yield f"the log does not contain {drill.after.says!r}"
    sent = " / ".join(observation.slack)
    if drill.after.slack and not any(drill.after.slack in text for text in observation.slack):
        yield f"Slack got {sent or 'no message'}; expected: {drill.after.slack!r}"
    if not drill.after.slack and sent:
        yield f"Slack got {sent}; expected: no message"


def wrong_requests(drill: Drill, observation: Observation) -> Iterator[str]:
    lost = observation.lost
    if lost and not drill.after.loses:
        yield f"{len(lost)} of {observation.requests} requests were lost: {lost[0]}"
