"""The quiz: faults that are named only after the answers, and sheets that can be checked."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from rehearsal.drills.drill import Drill
from rehearsal.drills.observation import Observation
from rehearsal.quiz import command, questions
from rehearsal.quiz import sheets as score
from rehearsal.quiz.questions import Question, choose

LEVEL, SEED = 2, 7


@pytest.fixture(autouse=True)
def sheets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(score, "SHEETS", tmp_path / "quiz")
    return tmp_path / "quiz"


def as_expected(drill: Drill) -> Observation:
    """Return the observation of a drill that its gate stops."""
    gates = [drill.gate] if drill.gate else []
    return Observation(ran=list(gates), failed=list(gates), printed="what the steps print")


def held(ask: command.Ask, **changes: Observation) -> score.Sheet:
    """Hold a quiz; `changes` are the observations of drills with another outcome."""
    drills = choose(LEVEL, SEED, 3)
    observations = iter([changes.get(drill.name) or as_expected(drill) for drill in drills])
    return command.hold(score.Sheet("Ada L.", LEVEL, SEED, "2026-01-31"), drills, observations, ask)


def right(question: Question) -> int:
    return question.right


def wrong(question: Question) -> int:
    return (question.right + 1) % len(question.options)


def test_a_seed_determines_the_faults() -> None:
    names = [[drill.name for drill in choose(LEVEL, seed, 3)] for seed in (SEED, SEED, 8)]
    assert names[0] == names[1] != names[2]


def test_a_level_includes_the_faults_of_lower_levels() -> None:
    pools = [{drill.name for drill in questions.pool(level)} for level in questions.LEVELS]
    assert pools[0] < pools[1] < pools[2]


@pytest.mark.parametrize("drill", questions.pool(3), ids=lambda drill: drill.name)
def test_each_question_has_several_options_and_one_right_answer(drill: Drill) -> None:
    step, fault, runs, remedy = questions.questions(drill, 3, SEED)
    assert step.solution == str(drill.gate or questions.NO_STEP)
    assert fault.solution == drill.fault
    assert ("new" in runs.solution) == (remedy.solution == questions.DO_NOTHING)
    for question in (step, fault, runs, remedy):
        assert len(set(question.options)) == len(question.options) >= 3


@pytest.mark.parametrize("drill", questions.pool(3), ids=lambda drill: drill.name)
def test_the_jobs_in_the_log_do_not_give_the_answer_away(drill: Drill) -> None:
    workflow, job = questions.job_of(drill)
    step, fault, *_ = questions.questions(drill, 3, SEED)
    assert {option.partition(":")[0] for option in step.options} == {job, questions.NO_STEP}
    by_fault = {other.fault: questions.job_of(other) for other in questions.pool(3)}
    offered = [by_fault[option] for option in fault.options]
    in_job = [found for found in by_fault.values() if found == (workflow, job)]
    assert offered.count((workflow, job)) == min(len(in_job), len(offered))


def test_each_right_answer_is_a_point() -> None:
    assert (held(right).points, held(right).of, held(wrong).points) == (12, 12, 0)


def test_the_fault_is_not_named_before_the_answers(
    sheets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def ask(question: Question) -> int:
        printed = capsys.readouterr().out + "".join(f.read_text() for f in sheets.glob("run-*"))
        shown.append(printed + "".join(str(path) for path in sheets.iterdir()))
        return question.right

    shown: list[str] = []
    drill, *_ = choose(LEVEL, SEED, 3)
    command.hold(score.Sheet("A", LEVEL, SEED, ""), [drill], iter([as_expected(drill)]), ask)
    assert len(shown) == 4
    assert not [text for text in shown if drill.name in text or drill.fault in text]
    assert drill.fault in capsys.readouterr().out


@pytest.mark.parametrize("count", [2, 3, 7])
def test_a_longer_quiz_begins_with_the_faults_of_a_shorter_one(count: int) -> None:
    assert choose(LEVEL, SEED, count) == choose(LEVEL, SEED, 8)[:count]


def test_a_fault_with_an_unexpected_outcome_does_not_count(
    sheets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, drill, _ = choose(LEVEL, SEED, 3)
    assert held(right, **{drill.name: Observation()}).of == 8
    assert "so this fault does not count" in capsys.readouterr().out
    (sheet,) = sheets.glob("*.json")
    assert score.check(sheet) == []
    assert "does not count" in sheet.with_suffix(".html").read_text()


def test_an_unchanged_sheet_passes_the_check(sheets: Path) -> None:
    held(right)
    (sheet,) = sheets.glob("*.json")
    assert sheet.name == "Ada-L--level-2-seed-7.json"
    assert score.check(sheet) == []
    assert "Ada L.: 12 of 12 points" in sheet.with_suffix(".html").read_text()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"points": 12}, "give 0 of 12 points, but the sheet has 12 of 12"),
        ({"of": 4}, "give 0 of 12 points, but the sheet has 0 of 4"),
        ({"seed": 8}, "is not a fault of level 2, seed 8"),
        ({"faults": [{}]}, "is not a score sheet"),
    ],
)
def test_a_changed_sheet_fails_the_check(
    sheets: Path, change: dict[str, object], problem: str
) -> None:
    held(wrong)
    (sheet,) = sheets.glob("*.json")
    sheet.write_text(json.dumps(json.loads(sheet.read_text()) | change))
    assert problem in score.check(sheet)[0]


@pytest.mark.parametrize("count", ["0", "-1", "many"])
def test_an_invalid_number_of_faults_is_refused(
    count: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["--count", count])
    assert f"--count: {count!r} is not a positive number" in capsys.readouterr().err


def test_a_question_is_repeated_until_the_answer_is_an_option(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = iter(["", "three", "3", "0", "2"])
    monkeypatch.setattr("builtins.input", lambda text: next(answers))
    assert command.from_terminal(Question("Which?", ["one", "two"], 0)) == 1
    assert capsys.readouterr().out.count("Enter a number from 1 to 2.") == 4
