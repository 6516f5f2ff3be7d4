"""The steps of a deploy to ECS: what each does, and what it refuses."""

import json
from pathlib import Path

import botocore.session
import botocore.validate
import pytest

from delivery.aws.ecs import Service
from delivery.deploy.deploy_service import deploy
from delivery.deploy.manage import manage
from delivery.deploy.migrate import migrate
from delivery.deploy.register_revision import register
from delivery.errors import Failure
from tests.delivery.fake_ecs import BASE, CONFIGURATION, NETWORK, NEW, OLD, FakeEcs


@pytest.fixture(autouse=True)
def outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "output"
    file.touch()
    monkeypatch.setenv("GITHUB_OUTPUT", str(file))
    return file


def service_of(ecs: FakeEcs) -> Service:
    return Service(ecs, "myapp-staging-cluster", "myapp-staging-service")


# --- the revision


def test_a_revision_keeps_all_that_infra_set() -> None:
    definition = {
        "family": "x-base",
        "cpu": "512",
        "enableFaultInjection": False,
        "future": {"a": 1},
    }
    ecs = FakeEcs()
    answered = {"revision": 3, "status": "ACTIVE", "registeredAt": 1, "taskDefinitionArn": BASE}
    assert register(ecs, "myapp-staging-task", definition | answered) == NEW
    assert ecs.calls == [("register", definition | {"family": "myapp-staging-task"})]


# --- migrations


def test_migrations_run_the_new_revision_in_the_network_of_the_service() -> None:
    ecs = FakeEcs()
    migrate(service_of(ecs), NEW, 0)
    ((action, options),) = ecs.calls
    assert (action, options["--task-definition"]) == ("run-task", NEW)
    assert json.loads(options["--network-configuration"]) == NETWORK
    (override,) = json.loads(options["--overrides"])["containerOverrides"]
    assert override["command"][:3] == ["python", "manage.py", "migrate"]


def test_a_migration_that_fails_ends_the_deploy_and_shows_its_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ecs = FakeEcs()
    ecs.task["containers"] = [ecs.container(1)]
    ecs.log = ["OperationalError: no such table"]
    with pytest.raises(Failure, match=r"migrate --no-input ended with 1"):
        migrate(service_of(ecs), NEW, 0)
    assert "OperationalError: no such table" in capsys.readouterr().out


def test_a_line_of_a_log_is_no_command_to_github(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    ecs = FakeEcs()
    ecs.log = ["::set-output name=previous::x", "##[error]x"]
    migrate(service_of(ecs), NEW, 0)
    lines = capsys.readouterr().out.splitlines()
    begin = next(n for n, line in enumerate(lines) if line.startswith("::stop-commands::"))
    token = lines[begin].removeprefix("::stop-commands::")
    assert len(token) >= 32
    assert lines[begin + 1 : begin + 4] == [*(f"  {line}" for line in ecs.log), f"::{token}::"]


def test_a_migration_that_hangs_is_stopped() -> None:
    ecs = FakeEcs()
    ecs.task = {"lastStatus": "RUNNING"}
    with pytest.raises(Failure, match="not done after 0 s, and stopped"):
        migrate(service_of(ecs), NEW, 0)
    assert [action for action, _ in ecs.calls] == ["run-task", "stop-task"]


def test_an_image_that_can_not_be_pulled_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    ecs = FakeEcs()
    ecs.task["containers"] = [ecs.container(None)]
    ecs.task["stoppedReason"] = "CannotPullContainerError: not found"
    ecs.log = []
    with pytest.raises(Failure, match="never ran: CannotPullContainerError"):
        migrate(service_of(ecs), NEW, 0)
    assert "its log can't be read" in capsys.readouterr().out


def test_a_task_that_ecs_does_not_start_is_a_failure() -> None:
    ecs = FakeEcs()
    ecs.failures = [{"reason": "RESOURCE:CPU"}]
    with pytest.raises(Failure, match="ECS started no task: RESOURCE:CPU"):
        migrate(service_of(ecs), NEW, 0)


def test_nothing_migrates_while_another_deploy_is_under_way() -> None:
    ecs = FakeEcs()
    ecs.service["deployments"] = [ecs.deployment(OLD, "IN_PROGRESS")]
    with pytest.raises(Failure, match="is being deployed: wait"):
        migrate(service_of(ecs), NEW, 0)
    assert ecs.calls == []


def test_a_service_that_does_not_exist_is_named() -> None:
    ecs = FakeEcs()
    ecs.service["status"] = "INACTIVE"
    with pytest.raises(Failure, match="scripts/deploy-infra makes it"):
        migrate(service_of(ecs), NEW, 0)


# --- moving the service


def test_a_deploy_changes_the_revision_and_not_the_number_of_tasks(outputs: Path) -> None:
    ecs = FakeEcs()
    deploy(service_of(ecs), NEW, 0)
    (move,) = ecs.moves()
    assert move["--task-definition"] == NEW
    assert "--desired-count" not in move
    assert outputs.read_text() == f"previous={OLD}\n"


def test_a_deploy_turns_alarms_on_and_keeps_the_rest() -> None:
    ecs = FakeEcs()
    alarms = CONFIGURATION["alarms"]
    ecs.service["deploymentConfiguration"] = CONFIGURATION | {"alarms": alarms | {"enable": False}}
    deploy(service_of(ecs), NEW, 0)
    given = json.loads(ecs.moves()[0]["--deployment-configuration"])
    names = ("alarms", "deploymentCircuitBreaker", "maximumPercent", "minimumHealthyPercent")
    assert given == {name: CONFIGURATION[name] for name in names}
    shape = (
        botocore.session.get_session().get_service_model("ecs").shape_for("DeploymentConfiguration")
    )
    botocore.validate.validate_parameters(given, shape)


def test_a_service_without_alarms_gets_none() -> None:
    ecs = FakeEcs()
    ecs.service["deploymentConfiguration"] = {}
    deploy(service_of(ecs), NEW, 0)
    assert "--deployment-configuration" not in ecs.moves()[0]


def test_the_first_deploy_starts_the_minimum_of_tasks() -> None:
    ecs = FakeEcs(runs=BASE)
    deploy(service_of(ecs), NEW, 0)
    assert ecs.moves()[0]["--desired-count"] == "2"


def test_a_deployment_that_ecs_gives_up_is_a_failure_with_its_reason(outputs: Path) -> None:
    ecs = FakeEcs()
    ecs.after_move = "FAILED"
    with pytest.raises(Failure, match=r"moves to .*-task:7. rollout FAILED \| \(service myapp\)"):
        deploy(service_of(ecs), NEW, 0)
    assert outputs.read_text() == f"previous={OLD}\n"


def test_a_deployment_without_an_end_is_a_failure() -> None:
    ecs = FakeEcs()
    ecs.after_move = "IN_PROGRESS"
    with pytest.raises(Failure, match="not complete after 0 s"):
        deploy(service_of(ecs), NEW, 0)


def test_a_deployment_may_become_known_late() -> None:
    ecs = FakeEcs()
    ecs.looks_until_known = 2
    deploy(service_of(ecs), NEW, 5)


def test_why_a_deployment_was_given_up_is_found_among_older_events(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ecs = FakeEcs()
    service = service_of(ecs)
    events = [
        "steady",
        "ecs-svc/8 completed",
        "has stopped 1 task",
        "ecs-svc/9 failed: the breaker",
    ]
    described = service.describe() | {"events": [{"message": event} for event in events]}
    monkeypatch.setattr(Service, "describe", lambda self: described)
    with pytest.raises(Failure, match=r"ecs-svc/9 failed: the breaker \| steady"):
        service.wait("ecs-svc/9", 0)


def test_a_deployment_that_vanished_is_a_failure() -> None:
    ecs = FakeEcs()
    with pytest.raises(Failure, match="ECS gave it up"):
        service_of(ecs).wait("deployment-other", 0)


# --- a command by hand


def test_a_command_runs_what_the_service_runs() -> None:
    ecs = FakeEcs()
    manage("staging", service_of(ecs), ["waffle_flag", "x", "--everyone"], 0)
    ((action, options),) = ecs.calls
    assert (action, options["--task-definition"]) == ("run-task", OLD)
    (override,) = json.loads(options["--overrides"])["containerOverrides"]
    assert override["command"] == ["python", "manage.py", "waffle_flag", "x", "--everyone"]


def test_a_command_needs_a_version_to_run() -> None:
    with pytest.raises(Failure, match="nothing was deployed to staging yet"):
        manage("staging", service_of(FakeEcs(runs=BASE)), ["check"], 0)
