"""Score sheets: graded, written as JSON and as a page, and checked."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from django.template import Context, Engine

from rehearsal.files import replace_text
from rehearsal.paths import OUT
from rehearsal.quiz.questions import Question, choose, questions

SHEETS = OUT / "quiz"
ENGINE = Engine(dirs=[str(Path(__file__).parent)])


@dataclass
class Asked:
    """A fault and its questions; there are none if the run did not end as expected."""

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


def grade(sheet: Sheet) -> Sheet:
    """Return a sheet with the points for its answers."""
    asked = [question for fault in sheet.faults for question in fault.questions]
    points = sum(question.given == question.right for question in asked)
    return replace(sheet, points=points, of=len(asked))


def check(path: Path) -> list[str]:
    """Return the problems of a score sheet: points or faults that do not fit its answers."""
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
        return [f"{path} is not a score sheet: {problem!r}"]
    graded = grade(sheet)
    right, given = (graded.points, graded.of), (found.get("points"), found.get("of"))
    return (
        []
        if right == given
        else ["the answers give {} of {} points, but the sheet has {} of {}".format(*right, *given)]
    )


def write(sheet: Sheet) -> Path:
    """Write a sheet as JSON and as a page; return the page."""
    SHEETS.mkdir(parents=True, exist_ok=True)
    name = "".join(one if one.isalnum() else "-" for one in sheet.student) or "student"
    file = SHEETS / f"{name}-level-{sheet.level}-seed-{sheet.seed}.json"
    replace_text(file, json.dumps(asdict(sheet), indent=1, ensure_ascii=False) + "\n")
    # The page uses the properties of the questions, which asdict does not return.
    context = Context({**asdict(sheet), "faults": sheet.faults}, use_l10n=False, use_tz=False)
    page = ENGINE.get_template("sheet.html").render(context)
    replace_text(file.with_suffix(".html"), page)
    return file.with_suffix(".html")
