"""The next step of a rollout, and its end."""

from __future__ import annotations

import pytest

from rehearsal.aws import rollouts
from rehearsal.aws.records import Deployment, Service
from rehearsal.aws.rollouts import TaskState, back_off, breaker_trips, give_up, plan

BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}


def deployment(name: str, status: str = "PRIMARY", state: str = "IN_PROGRESS") -> Deployment:
    return {
        "id": name,
        "status": status,
        "taskDefinition": f"arn/{name}:1",
        "desiredCount": 2,
        "rolloutState": state,
        "failedTasks": 0,
    }


def service(
    *deployments: Deployment, desired: int = 2, least: int = 100, most: int = 200
) -> Service:
    return {
        "serviceName": "s",
        "desiredCount": desired,
        "deployments": list(deployments) or [deployment("new")],
        "deploymentConfiguration": {
            "minimumHealthyPercent": least,
            "maximumPercent": most,
            **BREAKER,
        },
        "events": [],
    }


OLD = [TaskState("o1", "old", healthy=True), TaskState("o2", "old", healthy=True)]


def stopped(found: rollouts.Plan) -> list[str]:
    return [arn for arn, _ in found.stop]


def test_a_new_deployment_starts_all_its_tasks_while_the_old_ones_run() -> None:
    found = plan(service(), OLD, 0)
    assert (found.start, found.stop, found.complete) == (2, [], False)


def test_a_rollout_never_exceeds_maximum_percent() -> None:
    assert plan(service(most=150), OLD, 0).start == 1


def test_stopping_tasks_count_towards_maximum_percent() -> None:
    leaving = [TaskState("x", "old", stopping=True), TaskState("y", "old", stopping=True)]
    assert plan(service(), [*OLD, *leaving], 0).start == 0


def test_each_healthy_new_task_stops_an_old_one() -> None:
    new = [TaskState("n1", "new", healthy=True), TaskState("n2", "new")]
    assert stopped(plan(service(), [*OLD, *new], 0)) == ["o1"]


def test_old_tasks_stay_until_a_new_one_is_healthy() -> None:
    new = [TaskState("n1", "new"), TaskState("n2", "new")]
    assert stopped(plan(service(), [*OLD, *new], 0)) == []


def test_old_tasks_stop_first_if_minimum_percent_allows_it() -> None:
    assert stopped(plan(service(least=50, most=100), OLD, 0)) == ["o1"]


def test_unhealthy_old_tasks_stop_at_once() -> None:
    tasks = [TaskState("o1", "old"), TaskState("n1", "new", healthy=True), TaskState("n2", "new")]
    assert stopped(plan(service(), tasks, 0)) == ["o1"]


def test_a_rollout_is_complete_when_all_new_tasks_are_healthy_and_old_ones_gone() -> None:
    new = [TaskState("n1", "new", healthy=True), TaskState("n2", "new", healthy=True)]
    assert plan(service(), new, 0).complete
    assert not plan(service(), [*new, TaskState("o1", "old", stopping=True)], 0).complete
    assert not plan(service(), new[:1], 0).complete


def test_a_failed_task_is_stopped_and_replaced() -> None:
    tasks = [TaskState("n1", "new", healthy=True), TaskState("n2", "new", unfit="failed")]
    found = plan(service(), tasks, 0)
    assert (found.start, found.stop) == (1, [("n2", "failed")])


def test_scaling_in_stops_the_newest_task() -> None:
    tasks = [TaskState("n1", "new", "1", healthy=True), TaskState("n2", "new", "2", healthy=True)]
    assert stopped(plan(service(desired=1), tasks, 0)) == ["n2"]


def test_a_failed_deployment_starts_and_stops_no_task() -> None:
    failed = service(deployment("new", state="FAILED"))
    found = plan(failed, OLD, 0)
    assert (found.start, found.stop) == (0, [])


def test_a_crash_loop_starts_no_task_before_its_pause_is_over() -> None:
    waiting = service()
    waiting["_not_before"] = 10
    assert [plan(waiting, [], now).start for now in (9, 10)] == [0, 2]


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 0), (3, 0), (4, 1), (5, 2), (8, 16), (20, 30)]
)
def test_the_pause_of_a_crash_loop_grows(failures: int, seconds: float) -> None:
    assert back_off(failures) == seconds


@pytest.mark.parametrize(("failed", "trips"), [(2, False), (3, True)])
def test_the_circuit_breaker_of_a_small_service_trips_at_three_failures(
    failed: int, trips: bool
) -> None:
    found = service()
    found["deployments"][0]["failedTasks"] = failed
    assert breaker_trips(found) is trips


def test_a_disabled_circuit_breaker_never_trips() -> None:
    found = service()
    found["deployments"][0]["failedTasks"] = 9
    found["deploymentConfiguration"] = {}
    assert not breaker_trips(found)


def test_a_failed_deployment_returns_to_the_last_completed_one() -> None:
    new, old = deployment("new"), deployment("old", "ACTIVE", "COMPLETED")
    found = service(new, old)
    found["_last_completed"] = old["taskDefinition"]
    give_up(found, "circuit breaker: tasks failed to start", returns=True)
    assert (new["status"], new["rolloutState"], new["desiredCount"]) == ("ACTIVE", "FAILED", 0)
    assert (old["status"], old["rolloutState"]) == ("PRIMARY", "IN_PROGRESS")
    assert found["taskDefinition"] == old["taskDefinition"]
    assert "rolling back to deployment old" in found["events"][0]["message"]


def test_a_failed_deployment_creates_the_last_completed_one_again_if_it_is_gone() -> None:
    found = service()
    found["_last_completed"] = "arn/before:7"
    give_up(found, "circuit breaker", returns=True)
    assert rollouts.primary(found)["taskDefinition"] == "arn/before:7"
    assert rollouts.primary(found)["rolloutState"] == "IN_PROGRESS"


@pytest.mark.parametrize(("good", "returns"), [("", True), ("arn/new:1", True), ("arn/b:1", False)])
def test_a_deployment_without_an_earlier_completed_one_stays_failed(
    good: str, returns: bool
) -> None:
    found = service()
    found["_last_completed"] = good
    give_up(found, "circuit breaker", returns)
    assert rollouts.primary(found)["id"] == "new"
    assert rollouts.primary(found)["rolloutState"] == "FAILED"


def test_a_completed_deployment_replaces_all_others() -> None:
    new, old = deployment("new"), deployment("old", "ACTIVE", "FAILED")
    found = service(new, old)
    rollouts.complete(found)
    assert found["deployments"] == [new]
    assert (new["rolloutState"], found["_last_completed"]) == ("COMPLETED", "arn/new:1")
    assert found["events"][0]["message"] == "(service s) has reached a steady state."
