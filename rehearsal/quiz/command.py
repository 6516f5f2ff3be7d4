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

HIDDEN = "quiz"  # a drill's name while it runs: logs, commits and files have it
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
        print(f"A number from 1 to {len(question.options)}, please.")


def run(drill: Drill, rehearsal: Rehearsal, baseline: Change) -> Observation:
    """Run a drill under a name that tells nothing."""
    hidden = replace(drill, name=HIDDEN, fault=HIDDEN)
    context = new_context(hidden, rehearsal, baseline, False, lambda job, step: None)
    rehearsal.timeline.stages = []
    try:
        return run_drill(hidden, context)
    finally:
        faults.clear()


def show(number: int, seen: Observation) -> Path:
    """Write what somebody sees of a run; return the file."""
    sheets.SHEETS.mkdir(parents=True, exist_ok=True)
    log = sheets.SHEETS / f"run-{number}.log"
    steps = "\n".join(f"  {gate}" for gate in seen.ran)
    slack = "\n".join(seen.slack) or "nothing"
    log.write_text(f"Steps, as they ran:\n{steps}\n\nSlack was told: {slack}\n\n{seen.printed}\n")
    return log


def hold(sheet: Sheet, drills: Sequence[Drill], observe: Iterator[Observation], ask: Ask) -> Sheet:
    """Run a quiz; return the sheet, which is written after each fault."""
    for number, (drill, seen) in enumerate(zip(drills, observe, strict=True), 1):
        behaved = [str(gate) for gate in seen.failed[:1]] == [str(drill.gate)] * bool(drill.gate)
        print(f"\nThe run {'failed' if seen.failed else 'passed'}. Its log: {show(number, seen)}")
        asked = Asked(drill.name, drill.fault, [])
        if behaved:
            asked.questions = questions(drill, sheet.level, sheet.seed)
        else:
            print("It did not end as it should, so this fault does not count:", *seen.failed)
        for question in asked.questions:
            question.given = ask(question)
        sheet.faults.append(asked)
        sheet = grade(sheet)
        explain(asked)
        write(sheet)
    return sheet


def explain(asked: Asked) -> None:
    print(f"\nIt was: {asked.fault} (the drill {asked.drill}, in rehearsal/docs/drills.md)")
    for question in asked.questions:
        good = question.given == question.right
        print(f"  {'right' if good else 'wrong'}: {question.text} {question.solution}")


def number_of_faults(text: str) -> int:
    if text.isdecimal() and int(text):
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no number of faults, such as 3")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    levels = "; ".join(f"{level}: {what}" for level, what in LEVELS.items())
    parser.add_argument("--level", type=int, default=1, choices=LEVELS, help=levels)
    parser.add_argument("--seed", type=int, default=0, help="same seed, same faults (0: by chance)")
    parser.add_argument(
        "--count", type=number_of_faults, default=3, metavar="N", help="of faults (%(default)s)"
    )
    parser.add_argument("--student", default="student", metavar="NAME", help="for the score sheet")
    parser.add_argument(
        "--check", type=Path, nargs="+", metavar="SHEET", help="grade score sheets again instead"
    )


def check_all(paths: Sequence[Path]) -> int:
    """Print of each sheet whether it is right; return the exit code."""
    bad = 0
    for path in paths:
        problems = check(path)
        bad += bool(problems)
        print(f"{path}: {'; '.join(problems) or 'as it was answered'}")
    return int(bad > 0)


def main(words: argparse.Namespace, configuration: Configure) -> int:
    """Hold a quiz; return the exit code."""
    if words.check:
        return check_all(words.check)
    if not sys.stdin.isatty():
        raise Failure("nobody is here to answer: run it in a terminal")
    seed = words.seed or random.SystemRandom().randrange(1, 10_000)
    drills = choose(words.level, seed, words.count)
    print(f"Level {words.level}, seed {seed}: {len(drills)} faults, of a minute or two each.")
    print("Read the log of each run, and answer. Nothing names the fault before you do.")
    sheet = Sheet(words.student, words.level, seed, datetime.now(UTC).isoformat("T", "minutes"))
    with environments_up(configuration) as (rehearsal, baseline):
        observed = (run(drill, rehearsal, baseline) for drill in drills)
        sheet = hold(sheet, drills, observed, from_terminal)
    print(f"\n{sheet.points} of {sheet.of} points: {write(sheet).relative_to(ROOT)}")
    return 0
