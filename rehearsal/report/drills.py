"""The table of drills: for each, the expected gate and the step that stopped it."""

from __future__ import annotations

from dataclasses import dataclass

from rehearsal.timeline import Drilled, Timeline

from .words import STATUS, count, duration, plain

# A drill that did not run must not look as if it passed.
WORDS = {
    "success": "passed",
    "failure": "FAILED",
    "skipped": "did not run",
    "running": "interrupted",
}


@dataclass(frozen=True)
class Row:
    name: str
    fault: str
    expected: str
    stopped: str
    took: str
    lost: str
    status: str
    word: str
    problems: list[str]
    log: str


def rows(drills: list[Drilled]) -> list[Row]:
    return [_row(drill) for drill in drills]


def _row(drill: Drilled) -> Row:
    lost = f"{drill.lost:,} of {drill.requests:,}" if drill.requests else ""
    return Row(
        name=drill.name,
        fault=drill.fault,
        expected=drill.expected,
        stopped=drill.stopped,
        took=duration(drill.seconds) if drill.seconds else "",
        lost=lost,
        status=STATUS[drill.outcome],
        word=WORDS[drill.outcome],
        problems=drill.problems,
        log=plain(drill.log).strip() if drill.outcome == "failure" else "",
    )


def headline(timeline: Timeline) -> str:
    """Return the number of drills by outcome."""
    drills = timeline.drills
    counts = {name: sum(one.outcome == name for one in drills) for name in WORDS}
    parts = [f"{counts['success']} passed"]
    if counts["failure"]:
        parts.append(f"{counts['failure']} failed")
    if counts["skipped"]:
        parts.append(f"{counts['skipped']} did not run")
    return f"{count(len(drills), 'drill')}: {', '.join(parts)}"
