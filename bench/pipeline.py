"""From a pull request to production: our workflows and the guide's, one after the other.

Both bring the same change, with the same tests, through the same rehearsal, with the same runners,
AWS and load; what differs is the structure. The guide's (bench/guide) has one serial job of tests,
the same each time, and builds the image twice, without layers. Its deploys wait for the tests here,
as its text says and its files don't.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from rehearsal import __main__ as rehearsing
from rehearsal import github, machine, repository
from rehearsal.sink import Sink
from rehearsal.stages import Rehearsal
from rehearsal.timeline import Timeline
from rehearsal.view import View
from scripts.aws import Failure

GUIDE = "bench/guide"


def measure(workflows: str) -> Timeline:
    """Return what happened to a change on its way to production."""
    change = repository.prepare()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    timeline = Timeline(now, change.merge, change.version)
    view = View(timeline)
    github.remove_leftovers()
    with Sink(lambda receiver, text: None) as sink, view:
        configuration = rehearsing.configuration(sink, timeline)
        rehearsal = Rehearsal(timeline, view, configuration, workflows)
        rehearsing.introduce(view, timeline, change)
        rehearsal.prepare()
        rehearsal.test(change)
        rehearsal.staging(change)
        rehearsal.production(change)
    return timeline


def seconds(timeline: Timeline) -> dict[str, float]:
    """Return how long each stage took."""
    stages = [stage for stage in timeline.stages if stage.finished and stage.name != "prepare"]
    return {stage.name: (stage.finished or 0) - stage.started for stage in stages}


def without_waiting(timeline: Timeline) -> float:
    """Return how long it would take if no deploy waited for tests, as the guide's files have it."""
    deploys = [job for stage in timeline.stages for job in stage.jobs if job.name == "deploy"]
    return seconds(timeline)["test.yml"] + sum((j.finished or 0) - j.started for j in deploys)


def main() -> int:
    try:
        with machine.alone():
            machine.check(has_images=True)
            theirs, ours = measure(GUIDE), measure(github.WORKFLOWS)
    except Failure as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    before, after = seconds(theirs), seconds(ours)
    print(f"\n{'':24}{'the guide':>12}{'here':>12}{'ratio':>8}")
    for name in (*before, "all"):
        old = before.get(name, sum(before.values()))
        new = after.get(name, sum(after.values()))
        print(f"{name:24}{old:>10.1f} s{new:>10.1f} s{new / old:>8.2f}")
    old, new = without_waiting(theirs), sum(after.values())
    print(f"{'deploys that wait for':24}{old:>10.1f} s{new:>10.1f} s{new / old:>8.2f}")
    print("no test, as the guide's files have it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
