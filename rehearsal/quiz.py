"""A quiz: a fault that is not named, the real workflows, and questions about what they did.

The seed chooses the faults and the order of the answers, so a class can have the same quiz or
different ones, and a score sheet can be checked without running anything again.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from django.template import Context, Engine

from rehearsal.drills import faults
from rehearsal.drills.catalogue import DRILLS
from rehearsal.drills.command import Configure, environments_up
from rehearsal.drills.drill import Drill
from rehearsal.drills.execution import new_context, run_drill
from rehearsal.drills.gates import APPROVE, TEST
from rehearsal.drills.observation import Observation
from rehearsal.errors import Failure
from rehearsal.paths import OUT, ROOT
from rehearsal.repository import Change
from rehearsal.stages import Rehearsal

SHEETS = OUT / "quiz"
HIDDEN = "quiz"  # a drill's name while it runs: logs, commits and files have it
NO_STEP = "none: every step passed"
FAULTS_OFFERED = STEPS_OFFERED = 4
LEVELS = {1: "a pull request", 2: "a deploy to staging as well", 3: "a release as well"}
Ask = Callable[["Question"], int]

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Quiz of {{ student }}</title>
<style>body{font:16px/1.5 sans-serif;max-width:50em;margin:2em auto;padding:0 1em}
.wrong{color:#a00}.right{color:#060}</style>
<h1>{{ student }}: {{ points }} of {{ of }} points</h1>
<p>Level {{ level }}, seed {{ seed }}, {{ started }}.</p>
{% for fault in faults %}<h2>Fault {{ forloop.counter }}: {{ fault.fault }}</h2>
<ol>{% for one in fault.questions %}<li>{{ one.text }}<br>
<span class="{% if one.given == one.right %}right{% else %}wrong{% endif %}">{{ one.answer }}</span>
{% if one.given != one.right %}<br>Right: {{ one.solution }}{% endif %}</li>
{% empty %}<li>Its run did not end as it should, so it does not count.</li>
{% endfor %}</ol>{% endfor %}</html>
"""


@dataclass
class Question:
    """A question, its options, and the number of the right one."""

    text: str
    options: list[str]
    right: int
    given: int = -1

    @property
    def answer(self) -> str:
        return self.options[self.given] if self.given >= 0 else "no answer"

    @property
    def solution(self) -> str:
        return self.options[self.right]


@dataclass
class Asked:
    """A fault and what was asked about it; nothing if its run did not end as it should."""

    drill: str
    fault: str
    questions: list[Question]


@dataclass
class Sheet:
    """The score sheet of a student."""

    student: str
    level: int
    seed: int
    started: str
    faults: list[Asked] = field(default_factory=list)
    points: int = 0
    of: int = 0


def pool(level: int) -> list[Drill]:
    """Return the drills of a level: each is one run of a workflow."""

    def level_of(drill: Drill) -> int:
        if drill.environment == "production":
            return 3
        return 1 if drill.gate and drill.gate.workflow == TEST else 2

    usual = [one for one in DRILLS if one.gate != APPROVE and (one.gate or not one.scenario)]
    # Whether a drill can run here must not decide which ones a seed chooses.
    return [drill for drill in usual if level_of(drill) <= level and drill.unless is str]


def choose(level: int, seed: int, count: int) -> list[Drill]:
    """Return the drills of a quiz, which level and seed decide."""
    found = pool(level)
    random.Random(f"{level} {seed}").shuffle(found)  # noqa: S311
    return found[:count]


def questions(drill: Drill, level: int, seed: int) -> list[Question]:
    """Return what is asked about a drill, with the options in the order of the seed."""
    chance = random.Random(f"{level} {seed} {drill.name}")  # noqa: S311
    others = [other for other in pool(level) if other != drill]
    chance.shuffle(others)

    def question(text: str, right: str, wrong: Sequence[str]) -> Question:
        options = [right, *dict.fromkeys(one for one in wrong if one != right)]
        chance.shuffle(options)
        return Question(text, options, options.index(right))

    stopped = str(drill.gate or NO_STEP)
    steps = list(dict.fromkeys(str(other.gate) for other in others if other.gate))
    steps = [step for step in steps if step != stopped][: STEPS_OFFERED - 1]
    same = [other for other in others if (other.gate is None) == (drill.gate is None)]
    alike = [other.fault for other in [*same, *others]][: FAULTS_OFFERED - 1]
    new = drill.after.runs != "before"
    return [
        question("Which step stopped it?", stopped, [*steps, NO_STEP]),
        question("What was wrong?", drill.fault, alike),
        question(
            f"What does {drill.environment} run now?",
            "the new version" if new else "the version before",
            ["the new version", "the version before", "nothing: it is down"],
        ),
        question("What would you do?", remedy(drill), REMEDIES),
    ]


DO_NOTHING = "nothing: it is live, and it was verified"
CORRECT = "correct the change, and push it: the version before serves meanwhile"
MEND = "mend what is outside of the change, and run the workflow again"
ROLL_BACK = "scripts/rollback at once"
REMEDIES = (DO_NOTHING, CORRECT, MEND, ROLL_BACK)


def remedy(drill: Drill) -> str:
    if drill.after.runs != "before":
        return DO_NOTHING
    return CORRECT if drill.change else MEND


def grade(sheet: Sheet) -> Sheet:
    """Return a sheet with the points that its answers deserve."""
    asked = [question for fault in sheet.faults for question in fault.questions]
    points = sum(question.given == question.right for question in asked)
    return replace(sheet, points=points, of=len(asked))


def check(path: Path) -> list[str]:
    """Return what is wrong with a student's score sheet; nothing if it is what they answered."""
    try:
        found = json.loads(path.read_text())
        level, seed, given = found["level"], found["seed"], found["faults"]
        sheet = Sheet(found["student"], level, seed, found["started"])
        for drill, answers in zip(choose(level, seed, len(given)), given, strict=True):
            if drill.name != answers["drill"]:
                return [f"{answers['drill']} is not a fault of level {level}, seed {seed}"]
            wanted = questions(drill, level, seed) if answers["questions"] else []
            for question, answer in zip(wanted, answers["questions"], strict=True):
                question.given = answer["given"]
            sheet.faults.append(Asked(drill.name, drill.fault, wanted))
    except (OSError, ValueError, KeyError, TypeError) as problem:
        return [f"{path} is no score sheet: {problem!r}"]
    graded = grade(sheet)
    right, given = (graded.points, graded.of), (found.get("points"), found.get("of"))
    return [] if right == given else ["{} of {} points, and not {} of {}".format(*right, *given)]


def write(sheet: Sheet) -> Path:
    """Write a sheet as JSON and as a page; return the page."""
    SHEETS.mkdir(parents=True, exist_ok=True)
    name = "".join(one if one.isalnum() else "-" for one in sheet.student) or "student"
    file = SHEETS / f"{name}-level-{sheet.level}-seed-{sheet.seed}.json"
    file.write_text(json.dumps(asdict(sheet), indent=1, ensure_ascii=False) + "\n")
    # The properties of questions are for the page; JSON has the options.
    context = Context({**asdict(sheet), "faults": sheet.faults}, use_l10n=False, use_tz=False)
    page = Engine().from_string(PAGE).render(context)
    file.with_suffix(".html").write_text(page)
    return file.with_suffix(".html")


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
    SHEETS.mkdir(parents=True, exist_ok=True)
    log = SHEETS / f"run-{number}.log"
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
