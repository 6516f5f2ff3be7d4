"""The page of the report: its texts, tables and file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.template import Context, Engine

from rehearsal.files import replace_text
from rehearsal.timeline import Image, Job, Message, Release, Stage, Step, Timeline

from . import drills
from .bars import axis, chart, lost_by_second, parts
from .rollouts import rollouts
from .words import STATUS, WORD, clock, count, date, duration, plain, short

HERE = Path(__file__).parent
LONG = 240

ENGINE = Engine(dirs=[str(HERE)], string_if_invalid="[unknown variable %s]")


def write(timeline: Timeline, path: Path) -> None:
    replace_text(path, render(timeline))


def render(timeline: Timeline) -> str:
    # No formats and no time zones: the values are texts already.
    context = Context(_page(timeline), use_l10n=False, use_tz=False)
    return ENGINE.get_template("report.html").render(context)


def _page(timeline: Timeline) -> dict[str, Any]:
    scale = axis(timeline)
    return {
        "icon": "data:image/svg+xml," + quote((HERE / "favicon.svg").read_text()),
        "timeline": timeline,
        "status": STATUS[timeline.outcome],
        "word": WORD[timeline.outcome],
        "headline": headline(timeline),
        "requests": requests(timeline),
        "name": _name(timeline),
        "commit": short(timeline.commit),
        "date": date(timeline.started),
        "took": duration(timeline.seconds),
        "machine": list(machine(timeline)),
        "failed_steps": list(failed_steps(timeline)),
        "ticks": scale.ticks,
        "tick": scale.ticks[1].at,
        "stages": chart(timeline, scale),
        "rollouts": rollouts(timeline.stages),
        "times": list(times(timeline)),
        "images": images(timeline.images),
        "releases": [_release(release) for release in timeline.releases],
        "drills": drills.rows(timeline.drills),
        "messages": [_message(message) for message in timeline.messages],
    }


def _name(timeline: Timeline) -> str:
    return timeline.version or f"Commit {short(timeline.commit)}"


def headline(timeline: Timeline) -> str:
    """Return the result of the change in one sentence."""
    name = _name(timeline)
    if timeline.drills:
        return drills.headline(timeline)
    if timeline.outcome == "success":
        way = _whole_way(timeline)
        if way is None:
            return f"{name} passed {_stages(timeline)} in {duration(timeline.seconds)}"
        return f"{name} went from pull request to production in {duration(way)}"
    place = _where(timeline)
    if timeline.outcome == "failure" and timeline.reason != "interrupted":
        return f"{name} failed{place}"
    return f"{name} was interrupted after {duration(timeline.seconds)}{place}"


def _stages(timeline: Timeline) -> str:
    """Return the names of the workflows that ran, or the preparation if none ran."""
    workflows = [stage.name for stage in timeline.stages if stage.name.endswith(".yml")]
    return " and ".join(workflows) or "the preparation"


def _whole_way(timeline: Timeline) -> float | None:
    """Return the seconds from pull request to production; None if it did not get there."""
    workflows = [stage for stage in timeline.stages if stage.name.endswith(".yml")]
    if not workflows or workflows[-1].finished is None:
        return None
    if (workflows[0].name, workflows[-1].name) != ("test.yml", "deploy-prod.yml"):
        return None
    return workflows[-1].finished - workflows[0].started


def _where(timeline: Timeline) -> str:
    """Return the stage that decided the outcome, and its failed step if there is one."""
    stage = next((s for s in timeline.stages if s.outcome == timeline.outcome), None)
    if not stage:
        return ""
    step = _deciding_step(stage, timeline)
    return f" in {stage.name}" + (f", at “{step.name}”" if step else "")


def _deciding_step(stage: Stage, timeline: Timeline) -> Step | None:
    jobs = [job for job in stage.jobs if job.outcome == timeline.outcome]
    steps = [step for job in jobs for step in job.steps]
    return next((step for step in steps if step.outcome == timeline.outcome), None)


def requests(timeline: Timeline) -> str:
    """Return a sentence with the numbers of requests and of lost requests."""
    loads = [stage.load for stage in timeline.stages if stage.load]
    sent = sum(load.requests for load in loads)
    lost = sum(sum(lost_by_second(load).values()) for load in loads)
    if not sent:
        return ""
    return f"{count(sent, 'request')} during the deploys, {f'{lost:,}' if lost else 'none'} lost."


def machine(timeline: Timeline) -> Iterator[tuple[str, str]]:
    """Yield the names and values of the machine's figures."""
    if timeline.jobs_at_once:
        yield "Parallel jobs, at most", str(timeline.jobs_at_once)
    if not timeline.samples:
        return
    containers, everything = timeline.cpu_seconds(0, timeline.seconds)
    yield "Memory of the containers, at most", f"{timeline.peak_memory_mb:,.0f} MB"
    yield "Processor time of the containers", f"{containers:,.0f} s"
    if everything:
        yield "Processor time of all programs", f"{everything:,.0f} s"
    if timeline.pressure is not None:
        yield "Programs waited for a processor", f"{timeline.pressure:.0%} of the time"


@dataclass(frozen=True)
class FailedStep:
    """A step that failed or was interrupted, and its output."""

    place: str
    step: str
    status: str
    when: str
    log: str
    # A job can continue after a failed step.
    fatal: bool


def failed_steps(timeline: Timeline) -> Iterator[FailedStep]:
    """Yield the steps that failed, and then those that were interrupted."""
    for outcome in ("failure", "running"):
        for stage in timeline.stages:
            for job in stage.jobs:
                for step in job.steps:
                    if step.outcome == outcome:
                        yield _failed_step(stage, job, step)


def _failed_step(stage: Stage, job: Job, step: Step) -> FailedStep:
    return FailedStep(
        place=f"{stage.name}, {job.name}",
        step=step.name,
        status=STATUS[step.outcome],
        when=_when(step),
        log="\n".join(plain(line) for line in step.log),
        fatal=job.outcome != "success",
    )


def _when(step: Step) -> str:
    if step.finished is None:
        return f"started at {clock(step.started)}, did not finish"
    return f"failed at {clock(step.finished)}, after {duration(step.finished - step.started)}"


@dataclass(frozen=True)
class Time:
    """A row of the table of stages and jobs."""

    name: str
    is_stage: bool
    started: str
    took: str
    steps: str
    status: str
    word: str


def times(timeline: Timeline) -> Iterator[Time]:
    for part in parts(timeline):
        if isinstance(part, Step):
            continue
        yield Time(
            name=part.title or part.name if isinstance(part, Stage) else part.name,
            is_stage=isinstance(part, Stage),
            started=clock(part.started),
            took="" if part.finished is None else duration(part.finished - part.started),
            steps="" if isinstance(part, Stage) else str(len(part.steps)),
            status=STATUS[part.outcome],
            word=WORD[part.outcome],
        )


@dataclass(frozen=True)
class StoredImage:
    """An image in a registry, and the other repositories that have the same one."""

    environment: str
    tag: str
    full_tag: str
    digest: str
    full_digest: str
    same_as: str


def images(stored: list[Image]) -> list[StoredImage]:
    by_digest = defaultdict(list)
    for image in stored:
        by_digest[image.digest].append(image)
    return [_stored_image(image, by_digest[image.digest]) for image in stored]


def _stored_image(image: Image, same: list[Image]) -> StoredImage:
    others = [f"{i.environment} {short(i.tag)}" for i in same if i.environment != image.environment]
    algorithm, _, value = image.digest.rpartition(":")
    return StoredImage(
        environment=image.environment,
        tag=short(image.tag),
        full_tag=image.tag,
        digest=f"{algorithm}:{value[:12]}…" if len(value) > 12 else image.digest,
        full_digest=image.digest,
        same_as=", ".join(others),
    )


def _release(release: Release) -> tuple[Release, str, str, str]:
    return release, short(release.version), short(release.commit), date(release.live_since)


@dataclass(frozen=True)
class ShownMessage:
    """A message. A long one is folded under its first line."""

    at: str
    receiver: str
    text: str
    first_line: str


def _message(message: Message) -> ShownMessage:
    first_line = message.text.strip().partition("\n")[0]
    is_long = len(message.text) > LONG
    return ShownMessage(
        clock(message.at), message.receiver, message.text, first_line[:LONG] if is_long else ""
    )
