"""Whether a drill went as it must: stopped at its gate and nowhere else, with nothing changed."""

from __future__ import annotations

from collections.abc import Iterator

from rehearsal.drills.drill import MIGRATE, Drill
from rehearsal.drills.seen import Runs, Seen


def problems(drill: Drill, seen: Seen) -> list[str]:
    """Return what is not as it must be; nothing where all is."""
    return [
        *seen.problems,
        *wrong_gate(drill, seen),
        *wrong_state(drill, seen),
        *wrong_record(drill, seen),
        *wrong_words(drill, seen),
        *wrong_requests(drill, seen),
    ]


def wrong_gate(drill: Drill, seen: Seen) -> Iterator[str]:
    """Yield why it was not stopped by the gate: by an earlier one, a later one, or none."""
    stopped = seen.failed[0] if seen.failed else None
    if stopped == drill.gate:
        if not stopped and seen.reason:
            yield f"the run failed: {seen.reason}"
        return
    if drill.gate is None:
        yield f"it was stopped by {stopped}, and should have shipped"
    elif stopped is None:
        yield f"nothing stopped it, and {drill.gate} should have" + (
            f": {seen.reason}" if seen.reason else ""
        )
    else:
        when = "too late" if drill.gate in seen.ran else "before its turn"
        yield f"it was stopped by {stopped}, {when}: {drill.gate} should have"


def wrong_state(drill: Drill, seen: Seen) -> Iterator[str]:
    for name, before in seen.before.items():
        mine = name == drill.environment
        commits = {"before": before.commit, "change": seen.commit, "ground": seen.ground}
        wanted = commits[drill.after.runs] if mine else before.commit
        yield from wrong_environment(name, wanted, before, seen)
        gone = seen.at_end[name]
        if drill.after.runs == "before" and gone.revision != before.revision:
            yield f"{name} was left on {gone.revision}, and not on {before.revision}"
        new = seen.after[name].migrations - before.migrations
        if new != (set(drill.after.migrated) if mine else set()):
            yield f"{name}'s database was migrated by {', '.join(sorted(new)) or 'nothing'}"
    pushed = seen.after["staging"].tags - seen.before["staging"].tags
    if pushed != ({seen.commit} if drill.after.pushed else set()) | seen.also_pushed:
        yield f"staging's registry has got {', '.join(sorted(pushed)) or 'nothing new'}"


def wrong_environment(name: str, wanted: str, before: Runs, seen: Seen) -> Iterator[str]:
    now = seen.after[name]
    if now.commit != wanted:
        yield f"{name} runs {now.commit[:12] or 'nothing'}, and not {wanted[:12]}"
    if not now.ready:
        yield f"{name} is not ready"
    if not now.settled:
        yield f"{name} has not settled: tasks or deployments are left"
    if before.live == before.commit and now.live != now.commit:
        yield f"{name} runs {now.commit[:12]}, and /releases.json calls {now.live[:12]} live"


def wrong_record(drill: Drill, seen: Seen) -> Iterator[str]:
    """Yield how a change is recorded that came to be migrated for, and must not run."""
    migrated = MIGRATE in seen.ran and MIGRATE not in seen.failed
    outcome = seen.after[drill.environment].outcomes.get(seen.commit, "nothing")
    if drill.after.runs == "before" and migrated and outcome != "rolled-back":
        yield f"/releases.json calls {seen.commit[:12]} {outcome}, and not rolled-back"


def wrong_words(drill: Drill, seen: Seen) -> Iterator[str]:
    if drill.after.says not in f"{seen.log}\n{seen.said}":
        yield f"its log does not say {drill.after.says!r}"
    heard = " / ".join(seen.slack)
    if drill.after.slack and not any(drill.after.slack in text for text in seen.slack):
        yield f"Slack was not told {drill.after.slack!r}, but {heard or 'nothing'}"
    if not drill.after.slack and heard:
        yield f"Slack was told {heard}"


def wrong_requests(drill: Drill, seen: Seen) -> Iterator[str]:
    if seen.lost and not drill.after.loses:
        yield f"{len(seen.lost)} of {seen.requests} requests were lost: {seen.lost[0]}"
