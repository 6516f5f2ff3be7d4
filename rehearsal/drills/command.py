"""The command `python -m rehearsal drill`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from difflib import get_close_matches

from rehearsal import machine, repository
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
    parser.add_argument("names", nargs="*", metavar="NAME", help="for example migration-fails")
    parser.add_argument("--list", action="store_true", help="list the names of all drills")
    parser.add_argument("--all", action="store_true", help="run all drills")
    parser.add_argument(
        "--fast",
        action="store_true",
        help=f"run the quickest drills that take {FAST_SECONDS // 60} minutes together",
    )
    parser.add_argument(
        "--without-gate",
        action="store_true",
        help="first remove the gate's step from its workflow; the drill must then fail."
        " Without NAME: one drill for each gate",
    )


def chosen(args: argparse.Namespace) -> list[Drill]:
    """Return the requested drills; raise Failure for an unknown name."""
    if args.names:
        return named(args.names, without_gate=args.without_gate)
    if not (args.all or args.fast or args.without_gate):
        raise Failure("no drill is named: give one or more names, --all or --fast; --list has all")
    found = one_for_each_gate() if args.without_gate else list(DRILLS)
    return fast(found) if args.fast else found


def named(names: Sequence[str], *, without_gate: bool) -> list[Drill]:
    known = {drill.name: drill for drill in DRILLS}
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, 1)
            raise Failure(
                f"unknown drill {name!r}"
                + (f"; did you mean {near[0]}?" if near else ".")
                + " List the names: python -m rehearsal drill --list"
            )
        if without_gate and known[name].gate in (None, APPROVE):
            raise Failure(f"{name} has no gate that --without-gate could remove")
    return [known[name] for name in names]


def fast(drills: Sequence[Drill]) -> list[Drill]:
    """Return the quickest drills that fit into FAST_SECONDS, in the order of the drills."""
    left = float(FAST_SECONDS)
    found = set()
    for drill in sorted(drills, key=lambda drill: drill.seconds):
        left -= drill.seconds
        if left >= 0:
            found.add(drill.name)
    return [drill for drill in drills if drill.name in found]


def one_for_each_gate() -> list[Drill]:
    """Return the quickest drill of each gate in a workflow, in the order of the drills."""
    quickest: dict[Gate, Drill] = {}
    for drill in sorted(DRILLS, key=lambda drill: drill.seconds, reverse=True):
        if drill.gate and drill.gate != APPROVE:
            quickest[drill.gate] = drill
    return [drill for drill in DRILLS if drill in quickest.values()]


@contextmanager
def environments_up(configuration: Configure) -> Iterator[tuple[Rehearsal, Change]]:
    """Start both environments; yield them, and the change on which the drills are based."""
    machine.check()
    baseline = repository.prepare()
    started = datetime.now(UTC).isoformat(timespec="seconds")
    timeline = Timeline(started, baseline.merge, baseline.version)
    view = View(timeline)

    def record(receiver: str, text: str) -> None:
        timeline.messages.append(Message(timeline.now(), receiver, text))

    with Sink(record) as sink:
        rehearsal = Rehearsal(timeline, view, configuration(sink, timeline))
        for text in timeline.offline:
            view.warn(f"OFFLINE: {text}")
        with view:
            rehearsal.prepare()
        yield rehearsal, baseline


def main(args: argparse.Namespace, configuration: Configure) -> int:
    """Start the environments, run drills and return the exit code."""
    drills = chosen(args)
    with environments_up(configuration) as (rehearsal, baseline):
        view = rehearsal.view
        session = Session(rehearsal, baseline, without_gate=args.without_gate)
        try:
            good = session.run(drills)
        except KeyboardInterrupt:
            view.say("interrupted; the environments run what they ran before", "bold red")
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
    text = f"{count['success']} passed, {count['failure']} failed"
    if count["skipped"]:
        text += f", {count['skipped']} DID NOT RUN"
    view.console.print()
    if session.without_gate:
        text += "; each drill must fail without its gate"
    view.say(f"{text}. {DRILLS_REPORT.relative_to(ROOT)}", "bold green" if good else "bold red")
    return 0 if good else 1
