"""Compare our workflows with the guide's, from a pull request to production.

Both deploy the same change, with the same tests, in the same rehearsal, with the same runners, AWS
and load. Only the structure differs. The guide's workflows (rehearsal/bench/guide) have one serial
job of tests and build the image twice, without layers. Here their deploys wait for the tests, as
the guide's text requires; in the guide's files they do not wait.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime

from rehearsal import __main__ as rehearsing
from rehearsal import github, machine, ports, repository
from rehearsal.errors import Failure
from rehearsal.resources import Sampler
from rehearsal.sink import Sink
from rehearsal.stages import Rehearsal
from rehearsal.timeline import Timeline
from rehearsal.view import View

GUIDE = "rehearsal/bench/guide"
GUIDE_PORTS = (3306, 6379)  # in its test.yml, so nothing can move them


def check_ports() -> None:
    """Raise Failure if the guide's workflow could not have its ports."""
    for port in filter(ports.is_taken, GUIDE_PORTS):
        raise ports.none_free(port, f"{GUIDE}/test.yml needs")


def measure(workflows: str) -> Timeline:
    """Return the timeline of a change on its way to production."""
    change = repository.prepare()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    timeline = Timeline(now, change.merge, change.version)
    view = View(timeline)
    with Sink(lambda receiver, text: None) as sink, Sampler(timeline), view:
        configuration = rehearsing.configuration(sink, timeline)
        rehearsal = Rehearsal(timeline, view, configuration, workflows)
        rehearsing.introduce(view, timeline, change)
        rehearsal.prepare()
        rehearsal.test(change)
        rehearsal.staging(change)
        rehearsal.production(change)
    return timeline


@dataclass
class Cost:
    """The cost of a stage: elapsed seconds and processor seconds."""

    seconds: float
    cpu_seconds: float  # of the containers: jobs, their services, both environments
    machine_cpu_seconds: float  # of all programs, so with Docker itself and with image builds

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.seconds + other.seconds,
            self.cpu_seconds + other.cpu_seconds,
            self.machine_cpu_seconds + other.machine_cpu_seconds,
        )


def costs(timeline: Timeline) -> dict[str, Cost]:
    """Return the cost of each workflow."""
    stages = [stage for stage in timeline.stages if stage.finished and stage.name != "prepare"]
    return {
        stage.name: Cost(
            (stage.finished or 0) - stage.started,
            *timeline.cpu_seconds(stage.started, stage.finished or 0),
        )
        for stage in stages
    }


def without_waiting(timeline: Timeline) -> float:
    """Return the duration if no deploy waited for tests, as in the guide's files."""
    deploys = [job for stage in timeline.stages for job in stage.jobs if job.name == "deploy"]
    return costs(timeline)["test.yml"].seconds + sum(
        (job.finished or 0) - job.started for job in deploys
    )


def row(name: str, old: float, new: float) -> str:
    ratio = f"{new / old:>8.2f}" if old else ""
    return f"{name:32}{old:>10.1f} s{new:>10.1f} s{ratio}"


def main() -> int:
    try:
        with machine.alone():
            machine.check()
            check_ports()
            theirs, ours = measure(GUIDE), measure(github.WORKFLOWS)
    except Failure as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    before, after = costs(theirs), costs(ours)
    before["all"], after["all"] = (sum(found.values(), Cost(0, 0, 0)) for found in (before, after))
    print(f"\n{'':32}{'the guide':>12}{'here':>12}{'ratio':>8}")
    for name in before:
        print(row(name, before[name].seconds, after[name].seconds))
    for name in before:
        print(row(f"CPU, containers: {name}", before[name].cpu_seconds, after[name].cpu_seconds))
    for name in before:
        figures = before[name].machine_cpu_seconds, after[name].machine_cpu_seconds
        print(row(f"CPU, all: {name}", *figures))
    print(row("without waiting for the tests", without_waiting(theirs), after["all"].seconds))
    print("Last row: the deploys do not wait for the tests, as in the guide's files.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
