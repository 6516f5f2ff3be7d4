"""The command `python -m rehearsal drill`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from difflib import get_close_matches

from rehearsal import github, machine, repository
from rehearsal.drills.catalogue import DRILLS
from rehearsal.drills.drill import Drill
from rehearsal.drills.gates import APPROVE, Gate
from rehearsal.drills.session import Session
from rehearsal.errors import INTERRUPTED, Failure
from rehearsal.github import Configuration
from rehearsal.paths import DRILLS_REPORT, ROOT
from rehearsal.repository import Change
from rehearsal.sink import Sink
from rehearsal.stages import Rehearsal
from rehearsal.timeline import Message, Timeline
from rehearsal.view import View

# Returns the values of GitHub for a rehearsal.
Configure = Callable[[Sink, Timeline], Configuration]
FAST_SECONDS = 600  # all of `--fast` together


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="such as migration-fails")
    parser.add_argument("--list", action="store_true", help="say their names, one a line")
    parser.add_argument("--all", action="store_true", help="run all of them")
    parser.add_argument(
        "--fast", action="store_true", help=f"run what fits into {FAST_SECONDS // 60} minutes"
    )
    parser.add_argument(
        "--without-gate",
        action="store_true",
        help="take the gate's step out of its workflow first: the drill must fail then;"
        " with no NAME, one drill for each gate",
    )


def chosen(words: argparse.Namespace) -> list[Drill]:
    """Return the requested drills; raise Failure for an unknown name."""
    if words.names:
        return named(words.names, without_gate=words.without_gate)
    if not (words.all or words.fast or words.without_gate):
        raise Failure("which drill? Name one or more, or --all, --fast or --list")
    found = one_for_each_gate() if words.without_gate else list(DRILLS)
    return fast(found) if words.fast else found


def named(names: Sequence[str], *, without_gate: bool) -> list[Drill]:
    known = {drill.name: drill for drill in DRILLS}
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, 1)
            raise Failure(
                f"there is no drill {name!r}"
                + (f"; did you mean {near[0]}?" if near else ":")
                + " python -m rehearsal drill --list names them"
            )
        if without_gate and known[name].gate in (None, APPROVE):
            raise Failure(f"{name} has no gate that could be taken out of a workflow")
    return [known[name] for name in names]


def fast(drills: Sequence[Drill]) -> list[Drill]:
    """Return as many of the quickest drills as fit into the time, in their order."""
    left = float(FAST_SECONDS)
    found = set()
    for drill in sorted(drills, key=lambda drill: drill.seconds):
        left -= drill.seconds
        if left >= 0:
            found.add(drill.name)
    return [drill for drill in drills if drill.name in found]


def one_for_each_gate() -> list[Drill]:
    """Return the quickest drill of each gate that a workflow has, in their order."""
    quickest: dict[Gate, Drill] = {}
    for drill in sorted(DRILLS, key=lambda drill: drill.seconds, reverse=True):
        if drill.gate and drill.gate != APPROVE:
            quickest[drill.gate] = drill
    return [drill for drill in DRILLS if drill in quickest.values()]


@contextmanager
def environments_up(configuration: Configure) -> Iterator[tuple[Rehearsal, Change]]:
    """Bring up both environments; yield them, and the change that the drills start on."""
    machine.check()
    baseline = repository.prepare()
    started = datetime.now(UTC).isoformat(timespec="seconds")
    timeline = Timeline(started, baseline.merge, baseline.version)
    view = View(timeline)

    def heard(receiver: str, text: str) -> None:
        timeline.messages.append(Message(timeline.now(), receiver, text))

    github.remove_leftovers()  # of a rehearsal that was killed
    with Sink(heard) as sink:
        rehearsal = Rehearsal(timeline, view, configuration(sink, timeline))
        for text in timeline.offline:
            view.warn(f"OFFLINE: {text}")
        with view:
            rehearsal.prepare()
        yield rehearsal, baseline


def main(words: argparse.Namespace, configuration: Configure) -> int:
    """Bring up the environments, run drills and return the exit code."""
    drills = chosen(words)
    with environments_up(configuration) as (rehearsal, baseline):
        view = rehearsal.view
        session = Session(rehearsal, baseline, without_gate=words.without_gate)
        try:
            good = session.run(drills)
        except KeyboardInterrupt:
            view.say("interrupted; what was begun is undone", "bold red")
            return INTERRUPTED
    view.console.print()
    view.console.print(session.table())
    return conclude(session, view, good=good)


def conclude(session: Session, view: View, *, good: bool) -> int:
    """Print the result in one line, and return the exit code."""
    done = session.rehearsal.timeline.drills
    count = {
        name: sum(one.outcome == name for one in done) for name in ("success", "failure", "skipped")
    }
    text = f"{count['success']} as they must be, {count['failure']} not"
    if count["skipped"]:
        text += f", {count['skipped']} DID NOT RUN"
    view.console.print()
    if session.without_gate:
        text += "; without their gates all of them must fail" + (
            "" if good else ", and some did not"
        )
    view.say(f"{text}. {DRILLS_REPORT.relative_to(ROOT)}", "bold green" if good else "bold red")
    return 0 if good else 1
