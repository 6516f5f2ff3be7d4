"""Live view of a rehearsal: a line for each finished step, with the running steps below."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

from rich.console import Console, Group
from rich.live import Live
from rich.rule import Rule
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from rehearsal.timeline import Job, Load, Outcome, Stage, Step, Tasks, Timeline

MARKS: dict[Outcome, tuple[str, str]] = {
    "success": ("✓", "green"),
    "failure": ("✗", "bold red"),
    "skipped": ("-", "dim"),
    "running": ("…", "cyan"),
}
BRIEF = 1.0  # seconds: a shorter step gets no line unless it failed
SILENCE = 8.0  # seconds without output after which a log gets a line for each running step
LOG_LINES = 60
LOG_WIDTH = 160  # columns; otherwise a log would get tables as narrow as the smallest terminal


class View:
    """Output to a terminal or to a log; only a terminal gets the live part."""

    def __init__(self, timeline: Timeline, console: Console | None = None) -> None:
        self.timeline = timeline
        width = None if sys.stdout.isatty() else LOG_WIDTH
        self.console = console or Console(highlight=False, width=width)
        self.lock = threading.Lock()
        self.stage: Stage | None = None
        self.noted = ""  # a step's note on its progress
        self.said = 0.0  # when the last line was printed
        self.ended = threading.Event()
        self.status: Callable[[], tuple[Load | None, Tasks | None]] = lambda: (None, None)
        # A log gets no live part: each frame would be another copy of the same lines.
        self.live = Live(
            get_renderable=self.below, console=self.console, refresh_per_second=4, transient=True
        )

    def __enter__(self) -> View:
        if self.console.is_terminal:
            self.live.start()
        else:
            threading.Thread(target=self.break_silence, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.live.stop()

    def break_silence(self) -> None:
        """Print the running steps after SILENCE seconds without output."""
        while not self.ended.wait(1):
            if self.timeline.now() - self.said >= SILENCE:
                for text in self.running():
                    self.say(f"… {text}", "dim")

    def note(self, text: str) -> None:
        """Keep a note of the running step on its progress."""
        self.noted = text.strip()

    def say(self, text: str, style: str = "") -> None:
        with self.lock:
            # Printed in one piece, because the live part would overwrite half a line.
            line = Text.assemble((f"{self.timeline.now():7.1f}  ", "dim"), (text, style))
            self.console.print(line, soft_wrap=True)
            self.said = self.timeline.now()

    def warn(self, text: str) -> None:
        self.say(text, "yellow")

    def begin(self, stage: Stage) -> None:
        self.stage = stage
        self.console.print(Rule(full_title(stage), align="left", style="dim"))

    def changed(self, job: Job, step: Step | None) -> None:
        """Print a line for a step or job that ended."""
        ended = step or job
        if ended.finished is None:
            return
        took = ended.finished - ended.started
        if step and step.outcome == "success" and took < BRIEF:
            return
        mark, style = MARKS[ended.outcome]
        name = f"{job.name} · {step.name}" if step else f"{job.name}: {job.outcome}"
        self.say(f"{mark} {name}  {took:.1f} s", style)
        if step and step.outcome == "failure":
            self.show_log(step)

    def show_log(self, step: Step) -> None:
        with self.lock:
            if len(step.log) > LOG_LINES:
                self.console.print(
                    f"         … {len(step.log) - LOG_LINES} earlier lines", style="dim"
                )
            for line in step.log[-LOG_LINES:]:
                self.console.print(f"         {line}", markup=False, style="red", soft_wrap=True)

    def below(self) -> Group:
        """Return the running parts."""
        rows: list[Text | Spinner] = [
            Spinner("dots", text, style="cyan") for text in self.running()
        ]
        load, tasks = self.status()
        if load:
            lost = len(load.lost)
            text = f"  {load.requests} requests at {load.rate}/s, {lost or 'none'} lost"
            rows.append(Text(text, style="bold red" if lost else "green"))
        if tasks:
            parts = [
                f"{revision}: {count} running, {tasks.healthy.get(revision, 0)} healthy"
                for revision, count in sorted(tasks.running.items())
            ]
            rows.append(Text("  " + "   ".join(parts), style="cyan"))
        return Group(*rows)

    def running(self) -> list[str]:
        """Return a line for each step that runs."""
        now = self.timeline.now()
        steps = [
            (job, step)
            for job in (self.stage.jobs if self.stage else [])
            if job.finished is None
            for step in job.steps[-1:]
            if step.finished is None
        ]
        lines = [f"{job.name} · {step.name}  {now - step.started:.0f} s" for job, step in steps]
        return [*lines, self.noted] if lines and self.noted else lines

    def table(self) -> None:
        """Print the summary: each stage and job with its time, and the load."""
        table = Table(box=None, pad_edge=False, header_style="dim")
        table.add_column("stage")
        table.add_column("seconds", justify="right")
        table.add_column("CPU seconds", justify="right")
        table.add_column("requests", justify="right")
        table.add_column("lost", justify="right")
        for stage in self.timeline.stages:
            mark, style = MARKS[stage.outcome]
            took = (stage.finished or self.timeline.now()) - stage.started
            load = stage.load
            used, _ = self.timeline.cpu_seconds(stage.started, stage.started + took)
            table.add_row(
                Text(f"{mark} {full_title(stage)}", style=style),
                f"{took:.1f}",
                f"{used:.0f}" if used else "",
                str(load.requests) if load else "",
                str(len(load.lost)) if load else "",
            )
            for job in stage.jobs:
                mark, style = MARKS[job.outcome]
                took = (job.finished or self.timeline.now()) - job.started
                table.add_row(Text(f"  {mark} {job.name}", style=style), f"{took:.1f}")
        self.console.print()
        self.console.print(table)


def full_title(stage: Stage) -> str:
    """Return the title of a stage and its workflow."""
    return f"{stage.title}: {stage.name}" if stage.name.endswith(".yml") else stage.title
