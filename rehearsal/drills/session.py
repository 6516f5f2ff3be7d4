"""A session of drills, one after the other, with its table, page and file."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from rich.table import Table
from rich.text import Text

from rehearsal.drills import assertions, faults
from rehearsal.drills.drill import Drill
from rehearsal.drills.execution import new_context, run_drill
from rehearsal.drills.observation import Observation
from rehearsal.errors import Failure
from rehearsal.files import replace_text
from rehearsal.paths import DRILLS, DRILLS_REPORT
from rehearsal.report import write as write_report
from rehearsal.repository import Change
from rehearsal.stages import Rehearsal
from rehearsal.timeline import Drilled, Job, Step
from rehearsal.view import View

MARKS = {
    "success": ("✓", "green"),
    "failure": ("✗", "bold red"),
    "skipped": ("-", "yellow"),
    "running": ("…", "bold red"),
}


class Session:
    """The drills of one command, in the environments that are up."""

    def __init__(self, rehearsal: Rehearsal, baseline: Change, *, without_gate: bool) -> None:
        self.rehearsal, self.baseline, self.without_gate = rehearsal, baseline, without_gate
        self.view: View = rehearsal.view

    def run(self, drills: Sequence[Drill]) -> bool:
        """Run all drills; return whether each had the expected outcome."""
        timeline = self.rehearsal.timeline
        timeline.drills = []
        loud = len(drills) == 1
        for number, drill in enumerate(drills, 1):
            if loud:
                self.view.say(f"{drill.name}: {drill.fault}", "bold")
            done = Drilled(drill.name, drill.fault, expected(drill))
            timeline.drills.append(done)
            if reason := drill.unless():
                done.outcome, done.problems = "skipped", [f"DID NOT RUN: {reason}"]
            else:
                self.run_one(drill, done, loud=loud)
            self.say(done, f"{number}/{len(drills)}")
            self.write()
        good = all(done.outcome in self.wanted() for done in timeline.drills)
        timeline.outcome = "success" if good else "failure"
        self.write()
        return good

    def wanted(self) -> tuple[str, ...]:
        return ("failure" if self.without_gate else "success", "skipped")

    def run_one(self, drill: Drill, done: Drilled, *, loud: bool) -> None:
        """Run a drill and record its result, even if it is interrupted."""

        def show(job: Job, step: Step | None) -> None:
            if loud:
                self.view.changed(job, step)

        begin = time.monotonic()
        context = new_context(drill, self.rehearsal, self.baseline, self.without_gate, show)
        # Only the assertions on this drill need its stages; those of all would fill the memory.
        self.rehearsal.timeline.stages = []
        try:
            observation = run_drill(drill, context)
            done.problems = assertions.problems(drill, observation)
            done.outcome = "failure" if done.problems else "success"
        except Failure as failure:
            done.problems, done.outcome = [f"the drill could not run: {failure}"], "failure"
        finally:
            with suppress(Failure):
                faults.clear()
            done.seconds = round(time.monotonic() - begin, 1)
            self.rehearsal.timeline.stages = []
            take(done, context.observation)

    def say(self, done: Drilled, count: str) -> None:
        mark, style = MARKS[done.outcome]
        self.view.say(f"{mark} {count} {done.name}: {done.stopped}  {done.seconds:.0f} s", style)
        for problem in done.problems:
            self.view.say(f"    {problem}", style)
        if done.problems and done.outcome == "failure":
            for line in done.log.splitlines()[-15:]:
                self.view.say(f"    | {line}")

    def write(self) -> None:
        """Write both files after each drill, so that no result is lost if a later drill fails."""
        timeline = self.rehearsal.timeline
        timeline.seconds = timeline.now()
        write_json(DRILLS, timeline.drills)
        write_report(timeline, DRILLS_REPORT)

    def table(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="dim")
        table.add_column("fault", no_wrap=True)
        for name in ("expected gate", "stopped by"):
            table.add_column(name)
        for name in ("seconds", "requests lost"):
            table.add_column(name, justify="right")
        for done in self.rehearsal.timeline.drills:
            mark, style = MARKS[done.outcome]
            lost = f"{done.lost} of {done.requests}" if done.requests else ""
            table.add_row(
                Text(f"{mark} {done.name}", style=style),
                done.expected,
                done.stopped,
                f"{done.seconds:.0f}",
                lost,
            )
        return table


def expected(drill: Drill) -> str:
    return str(drill.gate or f"none: {drill.instead}")


def take(done: Drilled, observation: Observation) -> None:
    nothing = "nothing" if observation.ran or observation.requests else "did not run"
    done.stopped = str(observation.failed[0]) if observation.failed else nothing
    done.requests, done.lost = observation.requests, len(observation.lost)
    done.log = observation.log


def write_json(path: Path, drills: Sequence[Drilled]) -> None:
    found = {
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "drills": [asdict(done) for done in drills],
    }
    replace_text(path, json.dumps(found, indent=1) + "\n")
