"""The live view of a rehearsal."""

import io
import re
import threading

import pytest
from rich.console import Console

from rehearsal import view
from rehearsal.timeline import Job, Stage, Step, Timeline
from rehearsal.view import View

COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def shown(*, terminal: bool) -> str:
    """Return the output while a step runs; in a terminal with cursor movements."""
    timeline = Timeline("2026-01-31T12:00:00+00:00", "abc", "v1.0.0")
    console = Console(file=io.StringIO(), width=100, force_terminal=terminal)
    with View(timeline, console) as view_now:
        stage = Stage("test.yml", "Pull request", 0)
        stage.jobs.append(Job("lint", 0, steps=[Step("Run linting", 0)]))
        view_now.begin(stage)
        view_now.live.refresh()
        view_now.say("staging is up")
    assert isinstance(console.file, io.StringIO)
    return COLOURS.sub("", console.file.getvalue())


def test_a_line_has_its_time_above_the_live_part() -> None:
    assert re.search(r" 0\.\d  staging is up\n", shown(terminal=True))


def test_a_log_names_the_running_step_after_a_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    printed = threading.Event()
    monkeypatch.setattr(view, "SILENCE", 0.0)
    monkeypatch.setattr(View, "say", lambda *_: printed.set())
    timeline = Timeline("2026-01-31T12:00:00+00:00", "abc", "v1.0.0")
    with View(timeline, Console(file=io.StringIO())) as shown:
        stage = Stage("prepare", "Images", 0, jobs=[Job("images", 0, steps=[Step("build", 0)])])
        shown.begin(stage)
        shown.note("  python: 12 s (1 of 2 ready): Step 2/3")
        assert shown.running()[-1] == "python: 12 s (1 of 2 ready): Step 2/3"
        assert printed.wait(60)


def test_only_a_terminal_shows_the_live_part() -> None:
    assert "lint · Run linting" in shown(terminal=True)
    assert "lint · Run linting" not in shown(terminal=False)


def test_a_log_has_room_for_wide_tables(capsys: pytest.CaptureFixture[str]) -> None:
    View(Timeline("2026-01-31T12:00:00+00:00", "abc", "v1.0.0")).console.print(" ".join("x" * 70))
    assert capsys.readouterr().out.count("\n") == 1
