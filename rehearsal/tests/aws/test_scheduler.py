"""ECS's scheduler with a fake Docker."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from docker.errors import NotFound
from ministack.services import alb, cloudwatch, ecs

from rehearsal.aws import rollouts, scheduler, state, tasks, views
from rehearsal.aws.records import Json, Service, Task
from rehearsal.aws.targets import Health, targets
from rehearsal.tests.aws.conftest import ask, make_balancer

KEY = "c/s"


@dataclass
class Docker:
    """A fake Docker with containers by id, and a record of its calls."""

    states: dict[str, Json] = field(default_factory=dict)
    stopped: dict[str, int] = field(default_factory=dict)

    @property
    def api(self) -> Docker:
        return self

    @property
    def containers(self) -> Docker:
        return self

    def inspect_container(self, name: str) -> Json:
        if name not in self.states:
            raise NotFound("gone")
        return {"State": self.states[name]}

    def stop(self, name: str, timeout: int) -> None:
        if self.states[name]["Status"] == "running":
            self.stopped[name] = timeout
            self.states[name] = {"Status": "exited", "ExitCode": 0}

    def get(self, name: str) -> Any:
        raise NotFound("gone")


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch) -> Docker:
    """A fake Docker. Tasks do not start by themselves; background work runs at once."""
    found = Docker()
    monkeypatch.setattr(ecs, "_get_docker", lambda: found)
    monkeypatch.setattr(ecs, "_run_task_worker", lambda *words: None)
    monkeypatch.setattr(tasks, "DEREGISTER_SECONDS", 0)
    monkeypatch.setattr(tasks, "spawn_background", lambda f, *words, thread_name: f(*words))
    return found


def make_service(group: str = "", **changes: Any) -> Service:
    container = {"name": "app", "image": "i@sha256:1", "stopTimeout": 7, "healthCheck": {}}
    ecs._register_task_definition({"family": "f", "containerDefinitions": [container]})
    balancers = [{"targetGroupArn": group, "containerPort": 80}] if group else []
    breaker = {"enable": True, "rollback": True}
    ecs._create_service(
        {
            "cluster": "c",
            "serviceName": "s",
            "taskDefinition": "f:1",
            "desiredCount": 2,
            "loadBalancers": balancers,
            "deploymentConfiguration": {"deploymentCircuitBreaker": breaker},
            **changes,
        }
    )
    found: Service = ecs._services[KEY]
    return found


def advance() -> None:
    scheduler.advance(KEY, ecs._services[KEY])


def alive() -> list[Task]:
    return [task for task in ecs._tasks.values() if task["lastStatus"] != "STOPPED"]


def runs(docker: Docker, address: str = "", health: str = "healthy") -> None:
    """Mark every started task as running."""
    for number, task in enumerate(alive()):
        if task["lastStatus"] == "PROVISIONING":
            name = task["taskArn"]
            task["_docker_ids"] = [name]
            if address:
                task["_container_ip"] = f"{address}{number}"
            ecs._mark_task_running(name, task)
            docker.states[name] = {"Status": "running", "Health": {"Status": health}}
        scheduler.advance_task(task)


def complete_deployment(docker: Docker) -> None:
    advance()
    runs(docker)
    advance()  # the old ones leave
    advance()
    assert rollouts.primary(ecs._services[KEY])["rolloutState"] == "COMPLETED"


def crash(docker: Docker, task: Task, code: int = 1, **more: Any) -> None:
    docker.states[task["taskArn"]] = {"Status": "exited", "ExitCode": code, **more}
    scheduler.advance_task(task)


def test_a_first_deployment_is_in_progress_until_its_tasks_are_healthy(docker: Docker) -> None:
    service = make_service()
    advance()
    runs(docker, health="starting")
    advance()
    assert rollouts.primary(service)["rolloutState"] == "IN_PROGRESS"
    for task in alive():
        docker.states[task["taskArn"]]["Health"]["Status"] = "healthy"
    runs(docker)
    advance()
    assert rollouts.primary(service)["rolloutState"] == "COMPLETED"


def test_a_task_is_not_healthy_before_its_target_is(docker: Docker) -> None:
    _, group = make_balancer(80)
    service = make_service(group)
    advance()
    runs(docker, address="10.0.0.")
    advance()
    assert {t["Id"] for t in alb._targets[group]} == {"10.0.0.0", "10.0.0.1"}
    assert rollouts.primary(service)["rolloutState"] == "IN_PROGRESS"
    for address in ("10.0.0.0", "10.0.0.1"):
        targets.known[group, address] = Health("healthy")
    advance()
    assert rollouts.primary(service)["rolloutState"] == "COMPLETED"


def update(**changes: Any) -> None:
    ecs._register_task_definition(
        {"family": "f", "containerDefinitions": [{"name": "app", "image": "i@sha256:2"}]}
    )
    ecs._update_service({"cluster": "c", "service": "s", "taskDefinition": "f:2", **changes})


def test_old_tasks_get_sigterm_and_their_stop_timeout(docker: Docker) -> None:
    make_service()
    complete_deployment(docker)
    old = [task["taskArn"] for task in alive()]
    update()
    complete_deployment(docker)
    assert docker.stopped == dict.fromkeys(old, 7)
    assert all(ecs._tasks[arn]["containers"][0]["exitCode"] == 0 for arn in old)


def test_a_target_is_deregistered_before_its_container_is_stopped(
    docker: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, group = make_balancer(80)
    make_service(group)
    advance()
    runs(docker, address="10.0.0.")
    seen: list[list[Any]] = []
    monkeypatch.setattr(tasks, "stop_containers", lambda task: seen.append(alb._targets[group]))
    tasks.stop(alive()[0], "why", "UserInitiated")
    assert seen == [[{"Id": "10.0.0.1", "Port": 80}]]


def test_three_crashes_roll_back_the_deployment(docker: Docker) -> None:
    service = make_service()
    complete_deployment(docker)
    update()
    for _ in range(2):
        advance()
        runs(docker, health="starting")
        for task in (t for t in alive() if t["taskDefinitionArn"].endswith(":2")):
            crash(docker, task)
    advance()
    assert service["taskDefinition"].endswith("f:1")
    messages = " | ".join(event["message"] for event in service["events"])
    assert "deployment failed: circuit breaker: tasks failed to start" in messages
    assert [d["rolloutState"] for d in service["deployments"]] == ["COMPLETED"]
    assert {t["taskDefinitionArn"][-3:] for t in alive()} == {"f:1"}


def test_a_task_that_crashes_later_is_replaced(docker: Docker) -> None:
    make_service()
    complete_deployment(docker)
    crash(docker, alive()[0])
    advance()
    assert len(alive()) == 2


def test_a_container_out_of_memory_is_reported(docker: Docker) -> None:
    make_service()
    complete_deployment(docker)
    task = alive()[0]
    crash(docker, task, 137, OOMKilled=True)
    assert (task["stoppedReason"], task["stopCode"]) == (tasks.EXITED, "EssentialContainerExited")
    assert task["containers"][0]["exitCode"] == 137
    assert task["containers"][0]["reason"].startswith("OutOfMemoryError")


def test_a_busy_docker_is_not_a_crash(docker: Docker, monkeypatch: pytest.MonkeyPatch) -> None:
    make_service()
    complete_deployment(docker)

    def busy(name: str) -> Json:
        from requests.exceptions import ReadTimeout

        raise ReadTimeout

    monkeypatch.setattr(docker, "inspect_container", busy)
    assert not tasks.update_task(alive()[0])


def test_a_task_stopped_by_a_user_is_replaced(docker: Docker) -> None:
    make_service()
    complete_deployment(docker)
    arn = alive()[0]["taskArn"]
    status, _, body = ecs._stop_task({"cluster": "c", "task": arn, "reason": "because"})
    assert (status, json.loads(body)["task"]["desiredStatus"]) == (200, "STOPPED")
    assert ecs._tasks[arn]["stoppedReason"] == "because"
    advance()
    assert len(alive()) == 2


@pytest.mark.parametrize(
    ("passed", "health", "target", "reason"),
    [
        (59, "UNHEALTHY", "unhealthy", ""),
        (60, "UNHEALTHY", "healthy", "Task failed container health checks"),
        (60, "HEALTHY", "unhealthy", "Task failed ELB health checks in (target-group arn)"),
        (60, "HEALTHY", "initial", ""),
    ],
)
def test_a_task_may_fail_its_checks_within_the_grace_period(
    passed: float, health: str, target: str, reason: str
) -> None:
    service: Service = {"healthCheckGracePeriodSeconds": 60}
    task: Task = {"_started": 100, "healthStatus": health}
    assert views.unfit(service, task, {"arn": target}, 100 + passed) == reason


def test_a_task_that_fails_its_health_checks_is_stopped_and_counted_as_failed(
    docker: Docker,
) -> None:
    service = make_service()
    advance()
    runs(docker, health="unhealthy")
    advance()
    assert rollouts.primary(service)["failedTasks"] == 2
    stopped = [task for task in ecs._tasks.values() if task["lastStatus"] == "STOPPED"]
    assert {task["stoppedReason"] for task in stopped} == {"Task failed container health checks"}


WATCHED = {"enable": True, "rollback": True, "alarmNames": ["errors"]}


def put_alarm(state: str, periods: int = 0) -> None:
    """Put an alarm that evaluates this number of minutes; with 0 there is no bake time."""
    metric = {"Namespace": "n", "MetricName": "m", "Dimensions": [], "Statistic": "Sum"}
    record = {"AlarmName": "errors", "StateValue": state, "EvaluationPeriods": periods}
    cloudwatch._alarms["errors"] = {**record, **metric, "Period": 60}


def test_an_alarm_rolls_back_a_deployment(docker: Docker) -> None:
    put_alarm("OK")
    service = make_service(deploymentConfiguration={"alarms": WATCHED})
    complete_deployment(docker)
    update()
    advance()
    put_alarm("ALARM")
    advance()
    assert service["taskDefinition"].endswith("f:1")
    assert "alarms detected: errors" in service["deployments"][0]["rolloutStateReason"]


def test_an_alarm_from_before_the_deployment_is_ignored(docker: Docker) -> None:
    put_alarm("ALARM")
    service = make_service(deploymentConfiguration={"alarms": WATCHED})
    complete_deployment(docker)
    assert rollouts.primary(service)["rolloutState"] == "COMPLETED"


@pytest.mark.parametrize(("watched", "revision"), [({}, "f:2"), ({"enable": False}, "f:1")])
def test_an_alarm_also_rolls_back_a_rollback_unless_alarms_are_disabled(
    docker: Docker, watched: Json, revision: str
) -> None:
    put_alarm("OK")
    service = make_service(deploymentConfiguration={"alarms": WATCHED})
    complete_deployment(docker)
    update()
    complete_deployment(docker)
    update(taskDefinition="f:1", deploymentConfiguration={"alarms": {**WATCHED, **watched}})
    advance()
    put_alarm("ALARM")
    advance()
    assert service["taskDefinition"].endswith(revision)


def test_an_update_keeps_disabled_alarms(docker: Docker) -> None:
    service = make_service(deploymentConfiguration={"alarms": {**WATCHED, "enable": False}})
    update()
    assert rollouts.configuration(service)["alarms"]["enable"] is False


@pytest.mark.parametrize(("enable", "state"), [(True, "IN_PROGRESS"), (False, "COMPLETED")])
def test_a_deployment_bakes_for_as_long_as_its_alarms_look_back(
    docker: Docker, enable: bool, state: str
) -> None:
    put_alarm("OK", periods=8)
    service = make_service(deploymentConfiguration={"alarms": {**WATCHED, "enable": enable}})
    advance()
    runs(docker)
    advance()
    assert rollouts.primary(service)["rolloutState"] == state
    if enable:
        rollouts.primary(service)["_healthy_since"] -= 8 * 60
        advance()
        assert rollouts.primary(service)["rolloutState"] == "COMPLETED"


def test_an_error_in_one_service_does_not_stop_the_scheduler(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(key: str) -> None:
        raise ValueError(key)

    scheduler.guarded(broken, "c/broken")
    assert "c/broken" in caplog.text


def test_the_state_lists_services_tasks_and_load_balancers(docker: Docker) -> None:
    _, group = make_balancer(80)
    make_service(group)
    advance()
    runs(docker, address="10.0.0.")
    targets.known[group, "10.0.0.0"] = Health("healthy")
    ask("POST", "/", host="myapp.elb.localhost")
    found = json.loads(ask("GET", "/_rehearsal/state", host="localhost").body)
    (service,) = found["services"]
    assert (service["cluster"], service["name"], service["desired"]) == ("c", "s", 2)
    (deployment,) = service["deployments"]
    assert (deployment["revision"], deployment["running"], deployment["rolloutState"]) == (
        *("f:1", 2, "IN_PROGRESS"),
    )
    assert [task["targets"] for task in service["tasks"]] == [["healthy"], []]
    assert service["tasks"][0]["images"] == ["i@sha256:1"]
    assert found["balancers"][0]["counts"]["requests"] == 1


def test_the_state_lists_only_the_last_stopped_tasks() -> None:
    many: list[Task] = [
        {"lastStatus": "STOPPED", "stoppedAt": f"{number:03}"} for number in range(30)
    ]
    assert [task["stoppedAt"] for task in state.recent(many)] == [f"{n:03}" for n in range(20, 30)]
