"""What a rehearsal shows while it runs."""

import io
import re

from rich.console import Console

from rehearsal.timeline import Job, Stage, Step, Timeline
from rehearsal.view import View

COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def shown(*, terminal: bool) -> str:
    """Return what is written while a step runs; in a terminal also what moves the cursor."""
    timeline = Timeline("2026-01-31T12:00:00+00:00", "abc", "v1.0.0")
    console = Console(file=io.StringIO(), width=100, force_terminal=terminal)
    with View(timeline, console) as view:
        stage = Stage("test.yml", "Pull request", 0)
        stage.jobs.append(Job("lint", 0, steps=[Step("Run linting", 0)]))
        view.begin(stage)
        view.live.refresh()
        view.say("staging is up")
    assert isinstance(console.file, io.StringIO)
    return COLOURS.sub("", console.file.getvalue())


def test_a_line_has_its_time_also_where_something_moves_below_it() -> None:
    assert re.search(r" 0\.\d  staging is up\n", shown(terminal=True))


def test_what_runs_is_shown_in_a_terminal_and_not_in_a_log() -> None:
    assert "lint · Run linting" in shown(terminal=True)
    assert "lint · Run linting" not in shown(terminal=False)
