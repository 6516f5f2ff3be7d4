"""From a pull request to production: our workflows and the guide's, one after the other.

Both bring the same change through the same rehearsal, with the same runners, AWS and load; what
differs is the structure. The guide's has one serial job of tests, and builds the image twice,
without layers. Its deploys wait for the tests here, as its text says and its files don't.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rehearsal import __main__ as rehearsing
from rehearsal import events, github, machine, repository
from rehearsal.github import Run
from rehearsal.places import REPOSITORY
from rehearsal.repository import Change, git
from rehearsal.sink import Sink
from rehearsal.stages import Rehearsal
from rehearsal.timeline import Timeline
from rehearsal.view import View
from scripts.aws import Failure

GUIDE = Path(__file__).resolve().parent / "guide"


def guides(change: Change) -> Change:
    """Return the same change with the guide's workflows in the place of ours."""
    repository.show(change.head, "change")
    shutil.copytree(GUIDE, REPOSITORY / ".github" / "workflows", dirs_exist_ok=True)
    git("commit", "--quiet", "--all", "--message=The guide's workflows")
    head = git("rev-parse", "change")
    words = ["-p", change.base, "-p", head, "-m", f"Merge {change.version}"]
    return replace(change, head=head, merge=git("commit-tree", "change^{tree}", *words))


def test(rehearsal: Rehearsal, change: Change) -> None:
    """Run the guide's test.yml, which has no matrix."""
    with rehearsal.stage("test.yml", "Pull request") as stage:
        repository.show(change.head, "change")
        run = Run(rehearsal.timeline, stage, rehearsal.view.changed)
        payload = events.pull_request(change)
        run.start("test.yml", "pull_request", payload, rehearsal.given())


def measure(guide: bool) -> Timeline:
    """Return what happened to a change on its way to production."""
    change = repository.prepare()
    if guide:
        change = guides(change)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    timeline = Timeline(now, change.merge, change.version)
    view = View(timeline)
    github.remove_leftovers()
    with Sink(lambda receiver, text: None) as sink, view:
        rehearsal = Rehearsal(timeline, view, rehearsing.configuration(sink, timeline))
        rehearsing.introduce(view, timeline, change)
        rehearsal.prepare()
        if guide:
            test(rehearsal, change)
        else:
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
            theirs, ours = measure(guide=True), measure(guide=False)
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
