"""Drills one after the other: each judged, all in one table, one page and one file."""

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

from rehearsal.drills import courses, faults, judge
from rehearsal.drills.drill import Drill
from rehearsal.drills.scene import Scene
from rehearsal.drills.seen import Seen
from rehearsal.errors import Failure
from rehearsal.places import DRILLS, DRILLS_REPORT
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
    """The drills of one command, on what is up."""

    def __init__(self, rehearsal: Rehearsal, ground: Change, *, without_gate: bool) -> None:
        self.rehearsal, self.ground, self.without_gate = rehearsal, ground, without_gate
        self.view: View = rehearsal.view

    def run(self, drills: Sequence[Drill]) -> bool:
        """Run them all; return whether each went as it must."""
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
                self.play(drill, done, loud=loud)
            self.say(done, f"{number}/{len(drills)}")
            self.write()
        good = all(done.outcome in self.wanted() for done in timeline.drills)
        timeline.outcome = "success" if good else "failure"
        self.write()
        return good

    def wanted(self) -> tuple[str, ...]:
        return ("failure" if self.without_gate else "success", "skipped")

    def play(self, drill: Drill, done: Drilled, *, loud: bool) -> None:
        """Play one, and write down how it went, also where it was interrupted."""

        def show(job: Job, step: Step | None) -> None:
            if loud:
                self.view.changed(job, step)

        begin = time.monotonic()
        scene = Scene(drill, self.rehearsal, self.ground, self.without_gate, show)
        # What is kept of a stage is for one drill's judge; all of them together would fill memory.
        self.rehearsal.timeline.stages = []
        try:
            seen = scene.play(drill.play or courses.usual)
            done.problems = judge.problems(drill, seen)
            done.outcome = "failure" if done.problems else "success"
        except Failure as failure:
            done.problems, done.outcome = [f"the drill itself failed: {failure}"], "failure"
        finally:
            with suppress(Failure, OSError):
                faults.clear()
            done.seconds = round(time.monotonic() - begin, 1)
            self.rehearsal.timeline.stages = []
            take(done, scene.seen)

    def say(self, done: Drilled, count: str) -> None:
        mark, style = MARKS[done.outcome]
        self.view.say(f"{mark} {count} {done.name}: {done.stopped}  {done.seconds:.0f} s", style)
        for problem in done.problems:
            self.view.say(f"    {problem}", style)
        if done.problems and done.outcome == "failure":
            for line in done.log.splitlines()[-15:]:
                self.view.say(f"    | {line}")

    def write(self) -> None:
        """Write both files after each drill: what was seen must not be lost with the rest."""
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


def take(done: Drilled, seen: Seen) -> None:
    nothing = "nothing" if seen.ran or seen.requests else "did not run"
    done.stopped = str(seen.failed[0]) if seen.failed else nothing
    done.requests, done.lost = seen.requests, len(seen.lost)
    done.log = seen.log


def write_json(path: Path, drills: Sequence[Drilled]) -> None:
    scratch = path.with_suffix(".part")
    found = {
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "drills": [asdict(done) for done in drills],
    }
    scratch.write_text(json.dumps(found, indent=1) + "\n")
    scratch.replace(path)
