"""The command `python -m rehearsal quiz`."""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rehearsal.drills import faults
from rehearsal.drills.command import Configure, environments_up
from rehearsal.drills.drill import Drill
from rehearsal.drills.execution import new_context, run_drill
from rehearsal.drills.observation import Observation
from rehearsal.errors import Failure
from rehearsal.paths import ROOT
from rehearsal.quiz import sheets
from rehearsal.quiz.questions import LEVELS, Question, choose, questions
from rehearsal.quiz.sheets import Asked, Sheet, check, grade, write
from rehearsal.repository import Change
from rehearsal.stages import Rehearsal

HIDDEN = "quiz"  # the name of a running drill in logs, commits and files
Ask = Callable[[Question], int]


def from_terminal(question: Question) -> int:
    """Ask until the answer is one of the options."""
    print(f"\n{question.text}")
    for number, option in enumerate(question.options, 1):
        print(f"  {number}. {option}")
    while True:
        answer = input("Your answer: ").strip()
        if answer.isdecimal() and 1 <= int(answer) <= len(question.options):
            return int(answer) - 1
        print(f"Enter a number from 1 to {len(question.options)}.")


def run(drill: Drill, rehearsal: Rehearsal, baseline: Change) -> Observation:
    """Run a drill under a name that does not reveal its fault."""
    hidden = replace(drill, name=HIDDEN, fault=HIDDEN)
    context = new_context(hidden, rehearsal, baseline, False, lambda job, step: None)
    rehearsal.timeline.stages = []
    try:
        return run_drill(hidden, context)
    finally:
        faults.clear()


def write_log(number: int, observation: Observation) -> Path:
    """Write the log that a student reads; return the file."""
    sheets.SHEETS.mkdir(parents=True, exist_ok=True)
    log = sheets.SHEETS / f"run-{number}.log"
    steps = "\n".join(f"  {gate}" for gate in observation.ran)
    slack = "\n".join(observation.slack) or "none"
    head = f"Steps, in order:\n{steps}\n\nMessage to Slack: {slack}\n"
    log.write_text(f"{head}\n{observation.printed}\n")
    return log


def hold(
    sheet: Sheet, drills: Sequence[Drill], observations: Iterator[Observation], ask: Ask
) -> Sheet:
    """Run a quiz, write the sheet after each fault, and return it."""
    for number, (drill, observation) in enumerate(zip(drills, observations, strict=True), 1):
        failed = observation.failed
        as_expected = [str(gate) for gate in failed[:1]] == [str(drill.gate)] * bool(drill.gate)
        log = write_log(number, observation)
        print(f"\nThe run {'failed' if failed else 'passed'}. Its log: {log}")
        asked = Asked(drill.name, drill.fault, [])
        if as_expected:
            asked.questions = questions(drill, sheet.level, sheet.seed)
        else:
            print("The run did not end as expected, so this fault does not count:", *failed)
        for question in asked.questions:
            question.given = ask(question)
        sheet.faults.append(asked)
        sheet = grade(sheet)
        explain(asked)
        write(sheet)
    return sheet


def explain(asked: Asked) -> None:
    print(f"\nThe fault: {asked.fault} (drill {asked.drill} in rehearsal/docs/drills.md)")
    for question in asked.questions:
        good = question.given == question.right
        print(f"  {'right' if good else 'wrong'}: {question.text} {question.solution}")


def number_of_faults(text: str) -> int:
    if text.isdecimal() and int(text):
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    levels = "; ".join(f"{level}: {what}" for level, what in LEVELS.items())
    parser.add_argument("--level", type=int, default=1, choices=LEVELS, help=levels)
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        help="the same seed chooses the same faults (default: random)",
    )
    parser.add_argument(
        "--count",
        type=number_of_faults,
        default=3,
        metavar="N",
        help="number of faults (default: %(default)s)",
    )
    parser.add_argument(
        "--student", default="student", metavar="NAME", help="name on the score sheet"
    )
    parser.add_argument(
        "--check", type=Path, nargs="+", metavar="SHEET", help="only grade these score sheets again"
    )


def check_all(paths: Sequence[Path]) -> int:
    """Print for each sheet whether its points are right; return the exit code."""
    bad = 0
    for path in paths:
        problems = check(path)
        bad += bool(problems)
        print(f"{path}: {'; '.join(problems) or 'the points are right'}")
    return int(bad > 0)


def main(args: argparse.Namespace, configuration: Configure) -> int:
    """Hold a quiz; return the exit code."""
    if args.check:
        return check_all(args.check)
    if not sys.stdin.isatty():
        raise Failure("the quiz needs answers, but the input is no terminal: run it in a terminal")
    seed = args.seed or random.SystemRandom().randrange(1, 10_000)
    drills = choose(args.level, seed, args.count)
    print(f"Level {args.level}, seed {seed}: {len(drills)} faults. Each takes a minute or two.")
    print("Read the log of each run and answer the questions. Then the fault is named.")
    sheet = Sheet(args.student, args.level, seed, datetime.now(UTC).isoformat("T", "minutes"))
    with environments_up(configuration) as (rehearsal, baseline):
        observed = (run(drill, rehearsal, baseline) for drill in drills)
        sheet = hold(sheet, drills, observed, from_terminal)
    print(f"\n{sheet.points} of {sheet.of} points: {write(sheet).relative_to(ROOT)}")
    return 0
