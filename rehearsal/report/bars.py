"""The positions of stages, jobs and steps on a common time axis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rehearsal.timeline import Job, Load, Stage, Step, Timeline

from .words import NO_BREAK, STATUS, WORD, clock, count, duration

STEPS_OF_AXIS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
TICKS = 8

Part = Stage | Job | Step


@dataclass(frozen=True)
class Tick:
    """A line across the axis, and its label."""

    at: float
    label: str


@dataclass(frozen=True)
class Scale:
    """A time axis. Positions are in percent of its length."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return max(self.end - self.start, 0.001)

    def at(self, moment: float) -> float:
        return round(100 * (moment - self.start) / self.seconds, 4)

    def width(self, start: float, end: float) -> float:
        return round(100 * max(end - start, 0) / self.seconds, 4)

    @property
    def ticks(self) -> list[Tick]:
        """Return at most TICKS lines, at round seconds."""
        step = next((s for s in STEPS_OF_AXIS if self.seconds / s <= TICKS), STEPS_OF_AXIS[-1])
        first = -int(-self.start // step)
        return [
            Tick(self.at(n * step), clock(n * step))
            for n in range(first, int(self.end // step) + 1)
        ]


@dataclass(frozen=True)
class Bar:
    """A line of the chart, with the lines below it."""

    name: str
    status: str
    word: str
    took: str
    start: float
    width: float
    hover: str
    rows: list[Bar] = field(default_factory=list)
    lost: list[Tick] = field(default_factory=list)
    file: str = ""
    is_load: bool = False

    @property
    def end(self) -> float:
        return round(self.start + self.width, 4)


def moments(timeline: Timeline) -> Iterator[float]:
    """Yield every moment that the chart must show."""
    yield timeline.seconds
    for part in parts(timeline):
        yield part.started
        yield part.finished or part.started
    for stage in timeline.stages:
        yield from (tasks.at for tasks in stage.rollout)
        yield from (second.second + 1 for second in (stage.load.seconds if stage.load else ()))


def parts(timeline: Timeline) -> Iterator[Part]:
    """Yield stages, their jobs and their steps, in the order in which they are drawn."""
    for stage in timeline.stages:
        yield stage
        for job in stage.jobs:
            yield job
            yield from job.steps


def axis(timeline: Timeline) -> Scale:
    return Scale(0, max(1, *moments(timeline)))


def chart(timeline: Timeline, scale: Scale) -> list[Bar]:
    """Return a bar for each stage, which contains the bars of its jobs and of their steps."""
    return [_stage(stage, scale) for stage in timeline.stages]


def _stage(stage: Stage, scale: Scale) -> Bar:
    rows = [
        bar(job, job.name, scale, rows=[bar(step, step.name, scale) for step in job.steps])
        for job in stage.jobs
    ]
    if stage.load and stage.load.seconds:
        rows.append(_load(stage.load, scale))
    file = stage.name if stage.name.endswith(".yml") else ""
    return bar(stage, stage.title or stage.name, scale, rows=rows, file=file)


def bar(part: Part, name: str, scale: Scale, rows: Sequence[Bar] = (), file: str = "") -> Bar:
    """Return the bar of a part; an interrupted one ends at the end of the axis."""
    end = scale.end if part.finished is None else part.finished
    took = "skipped" if part.outcome == "skipped" else duration(end - part.started)
    return Bar(
        name=name,
        status=STATUS[part.outcome],
        word=WORD[part.outcome],
        took=took,
        start=scale.at(part.started),
        width=scale.width(part.started, end),
        hover=f"{name}: {WORD[part.outcome]}, {clock(part.started)} to {clock(end)} ({took})",
        rows=list(rows),
        file=file,
    )


def lost_by_second(load: Load) -> dict[int, int]:
    """Return the number of lost requests by second."""
    listed = Counter(int(lost.at) for lost in load.lost)
    counted = Counter({second.second: second.lost for second in load.seconds if second.lost})
    return dict(sorted((listed | counted).items()))


def lost_marks(load: Load, scale: Scale) -> list[Tick]:
    """Return a mark for each second in which requests were lost."""
    return [
        Tick(scale.at(second + 0.5), f"{lost} lost at {clock(second)}")
        for second, lost in lost_by_second(load).items()
    ]


def _load(load: Load, scale: Scale) -> Bar:
    start, end = load.seconds[0].second, load.seconds[-1].second + 1
    lost = sum(lost_by_second(load).values())
    name = f"Load: {load.rate}{NO_BREAK}requests per second"
    verdict = f"{count(load.requests, 'request')}, {f'{lost:,}' if lost else 'none'} lost"
    return Bar(
        name=name,
        status="failed" if lost else "ok",
        word=verdict,
        took=duration(end - start),
        start=scale.at(start),
        width=scale.width(start, end),
        hover=f"{name}, {clock(start)} to {clock(end)}: {verdict}",
        lost=lost_marks(load, scale),
        is_load=True,
    )
