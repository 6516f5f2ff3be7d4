"""Drills: the assertions find each problem, and each drill has an existing gate."""

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
from rehearsal.paths import host
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
    """Return the observation of a drill that the verification stops and rolls back."""
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
    """Return the observation of a change that was deployed to staging."""
    now = EnvironmentState(
        NEW, ready=True, revision="task:2", stable=True, live=NEW, tags=RAN.tags | {NEW}
    )
    observation = stopped()
    observation.failed, observation.log, observation.slack = [], "", [f"staging: {NEW} deployed"]
    observation.at_end["staging"] = observation.after["staging"] = now
    return observation


def after(observation: Observation, **differs: object) -> None:
    observation.after["staging"] = replace(observation.after["staging"], **differs)  # type: ignore[arg-type]


def test_a_drill_with_the_expected_outcome_has_no_problems() -> None:
    assert assertions.problems(STOPPED, stopped()) == []
    assert assertions.problems(SHIPPED, shipped()) == []


# The gate


def test_a_drill_without_its_gate_fails() -> None:
    observation = shipped()
    first, *_ = assertions.problems(STOPPED, observation)
    assert first == "no step stopped the fault; expected: 'deploy: Verify deployment'"


def test_a_later_gate_is_a_problem() -> None:
    observation = stopped()
    drill = replace(STOPPED, gate=MIGRATE)
    assert assertions.problems(drill, observation) == [
        "'deploy: Verify deployment' stopped the fault too late;"
        " expected: 'deploy: Run database migrations'"
    ]


def test_an_earlier_gate_is_a_problem() -> None:
    observation = stopped()
    observation.failed, observation.ran = [MIGRATE], [BUILD, MIGRATE]
    assert "too early" in assertions.problems(STOPPED, observation)[0]


def test_only_the_first_failed_step_counts() -> None:
    observation = stopped()
    observation.failed.append(replace(VERIFY, step="Roll back"))
    assert assertions.problems(STOPPED, observation) == []


def test_a_step_of_the_same_name_in_another_workflow_is_a_different_gate() -> None:
    observation = stopped()
    observation.failed = [replace(VERIFY, workflow="deploy-prod.yml")]
    assert assertions.problems(STOPPED, observation)


def test_a_stopped_change_that_should_ship_is_a_problem() -> None:
    observation = shipped()
    observation.failed = [DEPLOY]
    assert (
        "'deploy: Deploy to ECS' stopped the change, which should have shipped"
        in assertions.problems(SHIPPED, observation)
    )


def test_a_run_that_fails_without_a_failed_step_is_a_problem() -> None:
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
def test_an_unexpected_state_is_a_problem(differs: dict[str, object], problem: str) -> None:
    observation = stopped()
    after(observation, **differs)
    assert problem in " / ".join(assertions.problems(STOPPED, observation))


def test_a_change_of_the_other_environment_is_a_problem() -> None:
    observation = stopped()
    observation.after["production"] = replace(RAN, commit=NEW, live=NEW)
    assert "production runs bbbbbbbbbbbb" in assertions.problems(STOPPED, observation)[0]


def test_a_revision_that_only_the_cleanup_restored_is_a_problem() -> None:
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


def test_a_missing_migration_is_a_problem() -> None:
    drill = replace(STOPPED, after=replace(STOPPED.after, migrated=("app.0900",)))
    assert assertions.problems(drill, stopped()) == [
        "staging's database has nothing as new migrations; expected: app.0900"
    ]


# Messages and requests


def test_a_log_without_the_expected_text_is_a_problem() -> None:
    observation = stopped()
    observation.log = "something else"
    assert assertions.problems(STOPPED, observation) == ["the log does not contain 'not ready'"]


def test_a_wrong_slack_message_is_a_problem() -> None:
    observation = stopped()
    observation.slack = [f"staging: {NEW} {NOT_MOVED}"]
    (problem,) = assertions.problems(STOPPED, observation)
    assert "; expected: 'FAILED and rolled" in problem


def test_an_unexpected_slack_message_is_a_problem() -> None:
    drill = replace(STOPPED, after=replace(STOPPED.after, slack=""))
    assert assertions.problems(drill, stopped())[0].endswith("; expected: no message")


def test_a_lost_request_is_a_problem_unless_the_old_version_fails_too() -> None:
    observation = stopped()
    observation.lost = ["/health/ at 3 s: status 502"]
    (problem,) = assertions.problems(STOPPED, observation)
    assert problem == "1 of 900 requests were lost: /health/ at 3 s: status 502"
    assert not assertions.problems(
        replace(STOPPED, after=replace(STOPPED.after, loses=True)), observation
    )


# Observations


def test_failed_steps_are_sorted_by_time() -> None:
    late = Job("lint", 0, 9, "failure", [Step("Run linting", 1, 8, "failure", ["late"])])
    early = Job("test (MySQL 8.4)", 0, 5, "failure", [Step("Run tests", 1, 4, "failure", ["a\n"])])
    observation = Observation()
    observation.add(Stage("test.yml", "", 0, jobs=[late, early]))
    assert observation.failed == [
        Gate("test.yml", "test", "Run tests"),
        Gate("test.yml", "lint", "Run linting"),
    ]
    assert observation.log == "a"


def test_a_step_that_may_fail_is_not_a_failed_gate() -> None:
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
def test_a_service_is_stable_if_its_one_deployment_has_all_tasks_healthy(
    deployments: list[str], states: list[list[str]], stable: bool
) -> None:
    service = {
        "desired": 2,
        "deployments": [{"rolloutState": state} for state in deployments],
        "tasks": [{"lastStatus": "RUNNING", "targets": state} for state in states],
    }
    assert is_stable(service) is stable


# The catalogue


def test_a_wrong_url_is_not_reported_as_a_failed_rollback() -> None:
    wrong = {
        drill.name: drill for drill in DRILLS if "APP_URL" in drill.variables or drill.variables_of
    }
    assert len(wrong) == 2
    for drill in wrong.values():
        assert drill.after.slack.startswith(ROLLED_BACK_UNSEEN)
        address = drill.variables.get("APP_URL") or host(drill.variables_of)
        assert address in drill.after.slack


def workflow(name: str) -> str:
    return (WORKFLOWS / name).read_text()


@pytest.mark.parametrize(
    "gate",
    dict.fromkeys(drill.gate for drill in DRILLS if drill.gate not in (None, APPROVE)),
    ids=str,
)
def test_each_gate_can_be_removed_from_its_job(gate: Gate) -> None:
    whole = workflow(gate.workflow)
    (job,) = re.findall(rf"^  {gate.job}:\n(?:(?:    .*)?\n)+", whole, re.M)
    less = without_step(job, gate.step)
    assert f"- name: {gate.step}\n" not in less
    assert less.count("\n      - ") == job.count("\n      - ") - job.count(f"- name: {gate.step}\n")


def test_removing_a_missing_step_is_refused() -> None:
    with pytest.raises(Failure, match="has no step 'Nothing'"):
        without_step(workflow("test.yml"), "Nothing")


def test_a_step_is_removed_completely() -> None:
    text = (
        "    steps:\n      - name: A\n        env:\n          B: c\n\n        run: |\n"
        "          d\n\n"
        "      # on E\n      - name: E\n        run: f\n\n  next:\n    name: next\n"
    )
    assert without_step(text, "A") == (
        "    steps:\n      # on E\n      - name: E\n        run: f\n\n  next:\n    name: next\n"
    )
    assert without_step(text, "E").endswith("      # on E\n  next:\n    name: next\n")


def test_the_names_of_drills_are_unique_words() -> None:
    names = [drill.name for drill in DRILLS]
    assert len(set(names)) == len(names) >= 30
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in names)


def test_each_drill_with_a_gate_expects_a_text() -> None:
    assert not [drill.name for drill in DRILLS if drill.gate and not drill.after.says]


def test_faults_are_injected_at_existing_steps() -> None:
    names = {step for drill in DRILLS for step in drill.when}
    steps = "".join(map(workflow, ("deploy-staging.yml", "deploy-prod.yml")))
    assert names and not [name for name in names if f"- name: {name}\n" not in steps]


def test_the_passing_test_workflow_has_the_secrets_of_the_real_one() -> None:
    called = re.compile(r"^    secrets:\n      (\w+):", re.M)
    assert called.findall(PASSING_TEST) == called.findall(workflow("test.yml"))


def test_the_page_lists_each_drill_with_its_fault_and_gate() -> None:
    listed = re.findall(r"^\| `([\w-]+)` \| (.*) \| (.*) \|$", docs(), re.M)
    wanted = [(d.name, d.fault, f"`{d.gate.step}`" if d.gate else d.instead) for d in DRILLS]
    assert listed == wanted


def docs() -> str:
    return (ROOT / "rehearsal/docs/drills.md").read_text()


# The choice of drills


def chosen_by(**given: object) -> Callable[[], list[Drill]]:
    flags = {"names": [], "all": False, "fast": False, "without_gate": False}
    return lambda: chosen(Namespace(**{**flags, **given}))


def test_the_fast_drills_fit_into_their_time() -> None:
    found = chosen_by(fast=True)()
    assert sum(drill.seconds for drill in found) <= FAST_SECONDS
    assert len(found) >= 15


def test_an_unknown_name_is_refused_with_a_suggestion() -> None:
    with pytest.raises(Failure, match="unknown drill 'lnit'; did you mean lint"):
        chosen_by(names=["lnit"])()


def test_a_command_without_drills_is_refused() -> None:
    with pytest.raises(Failure, match="no drill is named"):
        chosen_by()()


def test_removing_the_gate_of_a_drill_without_one_is_refused() -> None:
    with pytest.raises(Failure, match="good-change has no gate"):
        chosen_by(names=["good-change"], without_gate=True)()


def test_one_command_runs_a_drill_without_each_gate() -> None:
    gates = [drill.gate for drill in chosen_by(without_gate=True)()]
    assert len(gates) == len(set(gates))
    assert set(gates) == {drill.gate for drill in DRILLS} - {None, APPROVE}


def test_drills_run_in_the_given_order() -> None:
    assert [drill.name for drill in chosen_by(names=["redis-down", "lint"])()] == [
        "redis-down",
        "lint",
    ]
