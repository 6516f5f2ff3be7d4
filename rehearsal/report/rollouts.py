"""The tasks and requests during each rollout, as charts on a common time axis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from rehearsal.timeline import Load, Lost, Stage, Tasks

from .bars import Bar, Scale, Tick, bar, lost_by_second, lost_marks
from .words import NO_BREAK, STATUS, WORD, clock, duration, revision, short

LISTED = 20
# A narrower bar has no room for a name.
NAMED_FROM_PERCENT = 9
UNHEALTHY = " not healthy"

# From, to, and the number of each kind in between.
Span = tuple[float, float, dict[str, float]]


@dataclass(frozen=True)
class Series:
    """An area of a panel, drawn in a square of 100 by 100."""

    name: str
    role: str
    path: str


@dataclass(frozen=True)
class Panel:
    """Areas that share both axes."""

    kind: str
    title: str
    description: str
    top: str
    series: list[Series]


@dataclass(frozen=True)
class LostRequests:
    """Requests lost for the same reason in the same second."""

    at: str
    path: str
    why: str
    times: int


@dataclass(frozen=True)
class Rollout:
    """A stage that changed an environment or was under load."""

    title: str
    status: str
    word: str
    url: str
    ticks: list[Tick]
    steps: list[Bar]
    panels: list[Panel]
    lost_marks: list[Tick]
    totals: list[tuple[str, str, bool]]
    lost: list[LostRequests]
    unlisted: int


def rollouts(stages: Sequence[Stage]) -> list[Rollout]:
    return [_rollout(stage, scale) for stage in stages if (scale := _window(stage))]


def _window(stage: Stage) -> Scale | None:
    """Return the time span of a stage's samples and load."""
    seconds = stage.load.seconds if stage.load else []
    times = [tasks.at for tasks in stage.rollout]
    times += [moment for second in seconds for moment in (second.second, second.second + 1)]
    return Scale(min(times), max(times)) if times and min(times) < max(times) else None


def _rollout(stage: Stage, scale: Scale) -> Rollout:
    load = stage.load
    panels = [tasks_panel(stage.rollout, scale)] if stage.rollout else []
    if load and load.seconds:
        panels += [requests_panel(load, scale), p95_panel(load, scale)]
    lost = _alike(load.lost) if load else []
    return Rollout(
        title=stage.title or stage.name,
        status=STATUS[stage.outcome],
        word=WORD[stage.outcome],
        url=load.url if load else "",
        ticks=scale.ticks,
        steps=_steps(stage, scale),
        panels=panels,
        lost_marks=lost_marks(load, scale) if load else [],
        totals=_totals(load) if load else [],
        lost=lost[:LISTED],
        unlisted=sum(requests.times for requests in lost[LISTED:]),
    )


def _alike(lost: list[Lost]) -> list[LostRequests]:
    seen = Counter((clock(request.at), request.path, request.why) for request in lost)
    return [LostRequests(*request, times) for request, times in seen.items()]


def _steps(stage: Stage, scale: Scale) -> list[Bar]:
    """Return the workflow's steps during the rollout, cut to the axis."""
    bars = [bar(step, step.name, scale) for job in stage.jobs for step in job.steps]
    cut = [(max(b.start, 0), min(b.end, 100), b) for b in bars]
    return [
        replace(
            b,
            name=b.name if end - start >= NAMED_FROM_PERCENT else "",
            start=start,
            width=round(end - start, 4),
        )
        for start, end, b in cut
        if end > start
    ]


def _totals(load: Load) -> list[tuple[str, str, bool]]:
    """Return the figures below a rollout: name, value, and whether it is bad."""
    lost = sum(lost_by_second(load).values())
    answered = [second for second in load.seconds if any(second.answered.values())]
    both = sum(len([n for n in second.answered.values() if n]) > 1 for second in answered)
    figures = [("Requests", f"{load.requests:,}", False), ("Lost", f"{lost:,}", bool(lost))]
    if answered:
        p95 = [second.p95_ms for second in answered]
        figures += [
            ("p95, median second", f"{median(p95):.0f}{NO_BREAK}ms", False),
            ("p95, worst second", f"{max(p95):.0f}{NO_BREAK}ms", False),
            ("Both versions answered", duration(both) if both else "never", False),
        ]
    return figures


def tasks_panel(samples: list[Tasks], scale: Scale) -> Panel:
    """Return the tasks of each revision, with unhealthy tasks above healthy ones."""
    ends = [sample.at for sample in samples[1:]] + [scale.end]
    spans = [(s.at, end, _by_health(s)) for s, end in zip(samples, ends, strict=True)]
    roles = _roles([{k: n for k, n in sample.running.items() if n} for sample in samples])
    names = {f"{key}{state}": role for key, role in roles.items() for state in ("", UNHEALTHY)}
    return Panel(
        kind="tasks",
        title="Tasks",
        description=_changes(samples),
        top=f"{_top(spans):.0f}",
        series=_stacked(spans, names, scale, revision),
    )


def _by_health(sample: Tasks) -> dict[str, float]:
    values: dict[str, float] = {}
    for key, running in sample.running.items():
        values[key] = min(sample.healthy.get(key, 0), running)
        values[f"{key}{UNHEALTHY}"] = running - values[key]
    return values


def _changes(samples: list[Tasks]) -> str:
    """Describe the panel in a text for people who cannot see it."""
    said = []
    for before, sample in zip([None, *samples], samples, strict=False):
        if before is None or sample.running != before.running:
            running = ", ".join(f"{n} of {revision(key)}" for key, n in sample.running.items() if n)
            said.append(f"{clock(sample.at)}: {running or 'none'}")
    return "Running tasks, at each change. " + "; ".join(said) + "."


def requests_panel(load: Load, scale: Scale) -> Panel:
    """Return the answers in each second by commit, with lost requests on top."""
    lost = lost_by_second(load)
    answered = {second.second: second.answered for second in load.seconds}
    spans: list[Span] = [
        (n, n + 1, {**answered.get(n, {}), "lost": lost.get(n, 0)})
        for n in sorted(answered.keys() | lost.keys())
    ]
    roles = _roles([second.answered for second in load.seconds])
    return Panel(
        kind="requests",
        title="Answers per second",
        description=_answers(load, sum(lost.values())),
        top=f"{_top(spans):.0f}",
        series=_stacked(spans, {**roles, "lost": "lost"}, scale, short),
    )


def _answers(load: Load, lost: int) -> str:
    totals: dict[str, int] = {}
    for second in load.seconds:
        for commit, number in second.answered.items():
            totals[commit] = totals.get(commit, 0) + number
    by_commit = "; ".join(f"{number:,} by {short(commit)}" for commit, number in totals.items())
    return f"Answers: {by_commit or 'none'}. Lost requests: {lost:,}."


def p95_panel(load: Load, scale: Scale) -> Panel:
    worst = max(load.seconds, key=lambda second: second.p95_ms)
    top = max(worst.p95_ms, 1)
    points = [
        f"{'L' if number else 'M'}{scale.at(s.second + 0.5):g} {100 - 100 * s.p95_ms / top:.1f}"
        for number, s in enumerate(load.seconds)
    ]
    return Panel(
        kind="p95",
        title="p95 of each second",
        description=f"Maximum: {worst.p95_ms:.0f} ms, at {clock(worst.second)}.",
        top=f"{top:.0f}{NO_BREAK}ms",
        series=[Series("p95", "line", "".join(points))],
    )


def _roles(moments: Sequence[dict[str, int]]) -> dict[str, str]:
    """Return the commits in the order in which they appear, with their roles."""
    seen = [moment for moment in moments if moment]
    names = dict.fromkeys(name for moment in seen for name in moment)
    return {name: "old" if name in seen[0] else "new" for name in names}


def _top(spans: Sequence[Span]) -> float:
    return max([1, *(sum(values.values()) for _, _, values in spans)])


def _stacked(
    spans: Sequence[Span], roles: dict[str, str], scale: Scale, says: Callable[[str], str]
) -> list[Series]:
    """Return the areas of a stacked step chart, the lowest first."""
    top = _top(spans)
    found = []
    for number, (name, role) in enumerate(roles.items()):
        below = list(roles)[:number]
        boxes = [_box(span, name, below, scale, top) for span in spans if span[2].get(name)]
        if boxes:
            found.append(_series(name, role, boxes, says))
    return found


Box = tuple[float, float, float, float]


def _box(span: Span, name: str, below: Sequence[str], scale: Scale, top: float) -> Box:
    """Return left, right, bottom and height, in percent."""
    start, end, values = span
    bottom = sum(values.get(other, 0) for other in below)
    return scale.at(start), scale.at(end), 100 * bottom / top, 100 * values[name] / top


def _series(name: str, role: str, boxes: Sequence[Box], says: Callable[[str], str]) -> Series:
    path = "".join(
        f"M{left:g} {100 - bottom:.2f}H{right:g}v{-height:.2f}H{left:g}z"
        for left, right, bottom, height in boxes
    )
    said = says(name.removesuffix(UNHEALTHY))
    if name.endswith(UNHEALTHY):
        return Series(said + UNHEALTHY, f"{role} unhealthy", path)
    return Series(said if said == role else f"{said}, {role}", role, path)
