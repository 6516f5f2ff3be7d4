"""Drills: the assertions find what is wrong, and each drill has an existing gate."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rehearsal.drills import assertions
from rehearsal.drills.catalogue import DRILLS
from rehearsal.drills.command import FAST_SECONDS, chosen
from rehearsal.drills.drill import NOT_MOVED, ROLLED_BACK, ROLLED_BACK_UNSEEN, After, Drill
from rehearsal.drills.gates import APPROVE, DEPLOY, MIGRATE, VERIFY, Gate
from rehearsal.drills.observation import Observation
from rehearsal.drills.states import EnvironmentState, is_stable
from rehearsal.drills.workflows import PASSING_TEST
from rehearsal.drills.worktree import without_step
from rehearsal.errors import Failure
from rehearsal.timeline import Job, Load, Lost, Stage, Step

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = ROOT / ".github/workflows"
OLD, NEW = "a" * 40, "b" * 40
RAN = EnvironmentState(
    OLD, ready=True, revision="task:1", stable=True, live=OLD, tags=frozenset([OLD])
)
BUILD = replace(MIGRATE, step="Build, tag, and push image to ECR")

STOPPED = Drill("stopped", "", VERIFY, After(pushed=True, slack=ROLLED_BACK, says="not ready"))
SHIPPED = Drill("shipped", "", None, After(runs="change", pushed=True, slack="deployed"))


def stopped() -> Observation:
    """Return the observation of a drill that verification stops, and that is rolled back."""
    pushed = replace(RAN, tags=RAN.tags | {NEW}, outcomes={OLD: "live", NEW: "rolled-back"})
    return Observation(
        commit=NEW,
        ran=[BUILD, MIGRATE, DEPLOY, VERIFY],
        failed=[VERIFY],
        log="it is not ready",
        before={"staging": RAN, "production": RAN},
        at_end={"staging": pushed, "production": RAN},
        after={"staging": pushed, "production": RAN},
        slack=[f"staging: {NEW} {ROLLED_BACK}"],
        requests=900,
    )


def shipped() -> Observation:
    """Return the observation of a change that staging runs now."""
    now = EnvironmentState(
        NEW, ready=True, revision="task:2", stable=True, live=NEW, tags=RAN.tags | {NEW}
    )
    observation = stopped()
    observation.failed, observation.log, observation.slack = [], "", [f"staging: {NEW} deployed"]
    observation.at_end["staging"] = observation.after["staging"] = now
    return observation


def after(observation: Observation, **differs: object) -> None:
    observation.after["staging"] = replace(observation.after["staging"], **differs)  # type: ignore[arg-type]


def test_drills_that_go_as_they_must_have_no_problem() -> None:
    assert assertions.problems(STOPPED, stopped()) == []
    assert assertions.problems(SHIPPED, shipped()) == []


# The gate


def test_a_drill_without_its_gate_fails() -> None:
    observation = shipped()
    first, *_ = assertions.problems(STOPPED, observation)
    assert first == "no step stopped the fault; expected: 'deploy: Verify deployment'"


def test_a_later_gate_is_the_wrong_one() -> None:
    observation = stopped()
    drill = replace(STOPPED, gate=MIGRATE)
    assert assertions.problems(drill, observation) == [
        "'deploy: Verify deployment' stopped the fault too late;"
        " expected: 'deploy: Run database migrations'"
    ]


def test_an_earlier_gate_is_the_wrong_one() -> None:
    observation = stopped()
    observation.failed, observation.ran = [MIGRATE], [BUILD, MIGRATE]
    assert "too early" in assertions.problems(STOPPED, observation)[0]


def test_the_first_step_that_failed_counts() -> None:
    observation = stopped()
    observation.failed.append(replace(VERIFY, step="Roll back"))
    assert assertions.problems(STOPPED, observation) == []


def test_the_same_step_of_another_workflow_is_another_gate() -> None:
    observation = stopped()
    observation.failed = [replace(VERIFY, workflow="deploy-prod.yml")]
    assert assertions.problems(STOPPED, observation)


def test_what_must_ship_and_is_stopped_fails() -> None:
    observation = shipped()
    observation.failed = [DEPLOY]
    assert (
        "'deploy: Deploy to ECS' stopped the change, which should have shipped"
        in assertions.problems(SHIPPED, observation)
    )


def test_a_run_that_fails_at_no_step_did_not_ship() -> None:
    observation = shipped()
    observation.reason = "act: no such image"
    assert assertions.problems(SHIPPED, observation) == ["the run failed: act: no such image"]


# The state


@pytest.mark.parametrize(
    ("differs", "problem"),
    [
        ({"commit": NEW, "live": NEW}, "staging runs bbbbbbbbbbbb; expected: aaaaaaaaaaaa"),
        ({"ready": False}, "staging is not ready"),
        ({"stable": False}, "staging is not stable"),
        ({"live": NEW}, "but /releases.json calls bbbbbbbbbbbb live"),
        (
            {"migrations": frozenset(["app.0900"])},
            "staging's database has app.0900 as new migrations; expected: nothing",
        ),
        ({"tags": RAN.tags}, f"staging's registry has nothing as new images; expected: {NEW}"),
        (
            {"tags": RAN.tags | {NEW, "x"}},
            f"staging's registry has {NEW}, x as new images; expected: {NEW}",
        ),
    ],
)
def test_another_state_is_a_problem(differs: dict[str, object], problem: str) -> None:
    observation = stopped()
    after(observation, **differs)
    assert problem in " / ".join(assertions.problems(STOPPED, observation))


def test_the_other_environment_must_stay_as_it_was() -> None:
    observation = stopped()
    observation.after["production"] = replace(RAN, commit=NEW, live=NEW)
    assert "production runs bbbbbbbbbbbb" in assertions.problems(STOPPED, observation)[0]


def test_what_only_the_clean_up_returned_was_not_rolled_back() -> None:
    observation = stopped()
    observation.at_end["staging"] = replace(RAN, revision="task:2")
    assert assertions.problems(STOPPED, observation) == [
        "staging was left on task:2; expected: task:1"
    ]


@pytest.mark.parametrize("outcomes", [{}, {NEW: "live"}, {NEW: "superseded"}])
def test_a_change_that_does_not_run_must_be_recorded_as_rolled_back(
    outcomes: dict[str, str],
) -> None:
    observation = stopped()
    after(observation, outcomes=outcomes)
    (problem,) = assertions.problems(STOPPED, observation)
    assert problem.startswith("/releases.json calls bbbbbbbbbbbb ")
    observation.failed = [MIGRATE]
    assert not assertions.problems(replace(STOPPED, gate=MIGRATE), observation)


def test_a_migration_that_should_be_applied_and_is_not_is_a_problem() -> None:
    drill = replace(STOPPED, after=replace(STOPPED.after, migrated=("app.0900",)))
    assert assertions.problems(drill, stopped()) == [
        "staging's database has nothing as new migrations; expected: app.0900"
    ]


# Messages and requests


def test_the_gate_must_say_what_is_wrong() -> None:
    observation = stopped()
    observation.log = "something else"
    assert assertions.problems(STOPPED, observation) == ["the log does not contain 'not ready'"]


def test_slack_must_be_told_how_it_ended() -> None:
    observation = stopped()
    observation.slack = [f"staging: {NEW} {NOT_MOVED}"]
    (problem,) = assertions.problems(STOPPED, observation)
    assert "; expected: 'FAILED and rolled" in problem


def test_slack_must_be_told_nothing_where_nothing_was_tried() -> None:
    drill = replace(STOPPED, after=replace(STOPPED.after, slack=""))
    assert assertions.problems(drill, stopped())[0].endswith("; expected: no message")


def test_a_lost_request_is_a_problem_where_the_old_version_could_answer() -> None:
    observation = stopped()
    observation.lost = ["/health/ at 3 s: status 502"]
    (problem,) = assertions.problems(STOPPED, observation)
    assert problem == "1 of 900 requests were lost: /health/ at 3 s: status 502"
    assert not assertions.problems(
        replace(STOPPED, after=replace(STOPPED.after, loses=True)), observation
    )


# Observations


def test_of_two_jobs_the_step_that_failed_first_is_the_one() -> None:
    late = Job("lint", 0, 9, "failure", [Step("Run linting", 1, 8, "failure", ["late"])])
    early = Job("test (MySQL 8.4)", 0, 5, "failure", [Step("Run tests", 1, 4, "failure", ["a\n"])])
    observation = Observation()
    observation.add(Stage("test.yml", "", 0, jobs=[late, early]))
    assert observation.failed == [
        Gate("test.yml", "test", "Run tests"),
        Gate("test.yml", "lint", "Run linting"),
    ]
    assert observation.log == "a"


def test_a_step_that_may_fail_stops_nothing() -> None:
    job = Job("deploy", 0, 9, "success", [Step("Notify Slack", 1, 8, "failure")])
    observation = Observation()
    observation.add(Stage("deploy-staging.yml", "", 0, jobs=[job]))
    assert observation.failed == []


def test_requests_of_all_runs_are_counted() -> None:
    observation = Observation()
    for number in (1, 2):
        load = Load("", 60, requests=100, lost=[Lost(1, "/", "502")] * number)
        observation.add(Stage("deploy-staging.yml", "", 0, load=load))
    assert (observation.requests, len(observation.lost)) == (200, 3)


@pytest.mark.parametrize(
    ("deployments", "states", "stable"),
    [
        (["COMPLETED"], [["healthy"], ["healthy"]], True),
        (["COMPLETED"], [["healthy"], ["initial"]], False),
        (["COMPLETED"], [["healthy"], ["draining"]], False),
        (["COMPLETED"], [["healthy"]], False),
        (["IN_PROGRESS"], [["healthy"], ["healthy"]], False),
        (["COMPLETED", "FAILED"], [["healthy"], ["healthy"]], False),
    ],
)
def test_a_service_is_at_rest_with_as_many_healthy_tasks_as_it_wants(
    deployments: list[str], states: list[list[str]], stable: bool
) -> None:
    service = {
        "desired": 2,
        "deployments": [{"rolloutState": state} for state in deployments],
        "tasks": [{"lastStatus": "RUNNING", "targets": state} for state in states],
    }
    assert is_stable(service) is stable


# The catalogue


def test_a_url_that_is_wrong_is_told_apart_from_a_rollback_that_failed() -> None:
    wrong = {drill.name: drill for drill in DRILLS if "APP_URL" in drill.variables}
    assert len(wrong) == 2
    for drill in wrong.values():
        assert drill.after.slack.startswith(ROLLED_BACK_UNSEEN)
        assert drill.variables["APP_URL"] in drill.after.slack


def workflow(name: str) -> str:
    return (WORKFLOWS / name).read_text()


@pytest.mark.parametrize(
    "gate",
    dict.fromkeys(drill.gate for drill in DRILLS if drill.gate not in (None, APPROVE)),
    ids=str,
)
def test_a_gate_can_be_taken_out_of_its_job(gate: Gate) -> None:
    whole = workflow(gate.workflow)
    (job,) = re.findall(rf"^  {gate.job}:\n(?:(?:    .*)?\n)+", whole, re.M)
    less = without_step(job, gate.step)
    assert f"- name: {gate.step}\n" not in less
    assert less.count("\n      - ") == job.count("\n      - ") - job.count(f"- name: {gate.step}\n")


def test_a_step_that_is_not_there_can_not_be_taken_out() -> None:
    with pytest.raises(Failure, match="has no step 'Nothing'"):
        without_step(workflow("test.yml"), "Nothing")


def test_a_step_goes_with_all_that_belongs_to_it() -> None:
    text = (
        "    steps:\n      - name: A\n        env:\n          B: c\n\n        run: |\n"
        "          d\n\n"
        "      # on E\n      - name: E\n        run: f\n\n  next:\n    name: next\n"
    )
    assert without_step(text, "A") == (
        "    steps:\n      # on E\n      - name: E\n        run: f\n\n  next:\n    name: next\n"
    )
    assert without_step(text, "E").endswith("      # on E\n  next:\n    name: next\n")


def test_names_are_words_that_name_one_drill() -> None:
    names = [drill.name for drill in DRILLS]
    assert len(set(names)) == len(names) >= 30
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in names)


def test_each_drill_that_is_stopped_says_what_its_gate_says() -> None:
    assert not [drill.name for drill in DRILLS if drill.gate and not drill.after.says]


def test_faults_come_at_steps_that_are_there() -> None:
    names = {step for drill in DRILLS for step in drill.when}
    steps = "".join(map(workflow, ("deploy-staging.yml", "deploy-prod.yml")))
    assert names and not [name for name in names if f"- name: {name}\n" not in steps]


def test_the_workflow_that_says_yes_can_be_called_as_the_real_one() -> None:
    called = re.compile(r"^    secrets:\n      (\w+):", re.M)
    assert called.findall(PASSING_TEST) == called.findall(workflow("test.yml"))


def test_the_documentation_has_each_drill_with_its_gate() -> None:
    listed = re.findall(r"^\| `([\w-]+)` \| (.*) \| (.*) \|$", docs(), re.M)
    wanted = [(d.name, d.fault, f"`{d.gate.step}`" if d.gate else d.instead) for d in DRILLS]
    assert listed == wanted


def docs() -> str:
    return (ROOT / "rehearsal/docs/drills.md").read_text()


# Which are run


def words(**given: object) -> Callable[[], list[Drill]]:
    flags = {"names": [], "all": False, "fast": False, "without_gate": False}
    return lambda: chosen(Namespace(**{**flags, **given}))


def test_fast_ones_fit_into_their_time() -> None:
    found = words(fast=True)()
    assert sum(drill.seconds for drill in found) <= FAST_SECONDS
    assert len(found) >= 15


def test_an_unknown_name_is_refused_with_a_near_one() -> None:
    with pytest.raises(Failure, match="unknown drill 'lnit'; did you mean lint"):
        words(names=["lnit"])()


def test_nothing_asked_for_is_refused() -> None:
    with pytest.raises(Failure, match="no drill is named"):
        words()()


def test_a_gate_that_is_none_can_not_be_taken_away() -> None:
    with pytest.raises(Failure, match="good-change has no gate"):
        words(names=["good-change"], without_gate=True)()


def test_each_gate_can_be_taken_away_with_one_command() -> None:
    gates = [drill.gate for drill in words(without_gate=True)()]
    assert len(gates) == len(set(gates))
    assert set(gates) == {drill.gate for drill in DRILLS} - {None, APPROVE}


def test_named_ones_are_run_in_the_order_in_which_they_are_named() -> None:
    assert [drill.name for drill in words(names=["redis-down", "lint"])()] == ["redis-down", "lint"]
