"""The faults of a quiz, and the questions about each.

The seed chooses the faults and the order of the answers. So a class can have the same quiz or
different ones, and a score sheet can be checked without another run.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from rehearsal.drills.catalogue import DRILLS
from rehearsal.drills.drill import Drill
from rehearsal.drills.gates import APPROVE, PRODUCTION, STAGING, TEST
from rehearsal.github import WORKFLOWS
from rehearsal.paths import ROOT

NO_STEP = "none, every step passed"
FAULTS_OFFERED = STEPS_OFFERED = 4
LEVELS = {
    1: "faults in a pull request",
    2: "also faults in a deploy to staging",
    3: "also faults in a release",
}

DO_NOTHING = "nothing: the new version is live and verified"
CORRECT = "correct the change and push it; until then the previous version serves"
FIX = "fix the cause outside of the change, and run the workflow again"
ROLL_BACK = "run scripts/rollback at once"
REMEDIES = (DO_NOTHING, CORRECT, FIX, ROLL_BACK)


@dataclass
class Question:
    """A question, its options, and the index of the right one."""

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


def pool(level: int) -> list[Drill]:
    """Return the drills of a level: each is one run of a workflow."""

    def level_of(drill: Drill) -> int:
        if drill.environment == "production":
            return 3
        return 1 if drill.gate and drill.gate.workflow == TEST else 2

    usual = [one for one in DRILLS if one.gate != APPROVE and (one.gate or not one.scenario)]
    # A seed must choose the same drills on each machine, so skip those that may not run on some.
    return [drill for drill in usual if level_of(drill) <= level and drill.unless is str]


def choose(level: int, seed: int, count: int) -> list[Drill]:
    """Return the drills of a quiz, which level and seed determine."""
    found = pool(level)
    random.Random(f"{level} {seed}").shuffle(found)  # noqa: S311
    return found[:count]


def job_of(drill: Drill) -> tuple[str, str]:
    """Return the workflow and the job that a drill runs and, if it has a gate, stops."""
    if drill.gate and drill.gate.workflow == TEST:
        return TEST, drill.gate.job
    workflow = PRODUCTION if drill.environment == "production" else STAGING
    return workflow, drill.gate.job if drill.gate else "deploy"


def steps_of(workflow: str, job: str) -> list[str]:
    """Return the named steps of a job, in their order."""
    jobs = yaml.safe_load((ROOT / WORKFLOWS / workflow).read_text())["jobs"]
    return [step["name"] for step in jobs[job]["steps"] if "name" in step]


def wrong_steps(drill: Drill, chance: random.Random) -> list[str]:
    """Return other steps of the job, first those before the gate, which the log shows too."""
    workflow, job = job_of(drill)
    names = steps_of(workflow, job)
    end = names.index(drill.gate.step) if drill.gate else len(names)
    before, after = names[:end], names[end + 1 :]
    chance.shuffle(before)
    chance.shuffle(after)
    return [f"{job}: {name}" for name in [*before, *after]][: STEPS_OFFERED - 1]


def questions(drill: Drill, level: int, seed: int) -> list[Question]:
    """Return the questions about a drill, with the options in the order of the seed.

    The log shows which jobs ran. A step or a fault of another job would be obviously wrong.
    """
    chance = random.Random(f"{level} {seed} {drill.name}")  # noqa: S311
    others = [other for other in pool(level) if other != drill]
    chance.shuffle(others)

    def unlike(other: Drill) -> tuple[bool, bool]:
        return job_of(other) != job_of(drill), (other.gate is None) != (drill.gate is None)

    def question(text: str, right: str, wrong: Sequence[str]) -> Question:
        options = [right, *dict.fromkeys(one for one in wrong if one != right)]
        chance.shuffle(options)
        return Question(text, options, options.index(right))

    stopped = str(drill.gate or NO_STEP)
    alike = [other.fault for other in sorted(others, key=unlike)][: FAULTS_OFFERED - 1]
    new = drill.after.runs != "before"
    return [
        question("Which step stopped the run?", stopped, [*wrong_steps(drill, chance), NO_STEP]),
        question("What was wrong?", drill.fault, alike),
        question(
            f"What does {drill.environment} run now?",
            "the new version" if new else "the previous version",
            ["the new version", "the previous version", "nothing: it is down"],
        ),
        question("What would you do?", remedy(drill), REMEDIES),
    ]


def remedy(drill: Drill) -> str:
    if drill.after.runs != "before":
        return DO_NOTHING
    return CORRECT if drill.change else FIX
