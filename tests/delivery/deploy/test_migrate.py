"""scripts/migrate: it migrates in a task of the new revision, before the service moves."""

import json

import pytest

from delivery.deploy.migrate import migrate
from delivery.errors import Failure
from tests.delivery.fake_ecs import NETWORK, NEW, OLD, FakeEcs, service_of


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
    with pytest.raises(Failure, match=r"migrate --no-input ended with exit code 1"):
        migrate(service_of(ecs), NEW, 0)
    assert "OperationalError: no such table" in capsys.readouterr().out


def test_github_does_not_obey_lines_of_a_log(
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
    with pytest.raises(Failure, match="not complete after 0 s, and therefore stopped"):
        migrate(service_of(ecs), NEW, 0)
    assert [action for action, _ in ecs.calls] == ["run-task", "stop-task"]


def test_a_failed_image_pull_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    ecs = FakeEcs()
    ecs.task["containers"] = [ecs.container(None)]
    ecs.task["stoppedReason"] = "CannotPullContainerError: not found"
    ecs.log = []
    with pytest.raises(Failure, match="did not start: CannotPullContainerError"):
        migrate(service_of(ecs), NEW, 0)
    assert "the task's log can't be read" in capsys.readouterr().out


def test_a_task_that_ecs_does_not_start_fails() -> None:
    ecs = FakeEcs()
    ecs.failures = [{"reason": "RESOURCE:CPU"}]
    with pytest.raises(Failure, match="ECS started no task: RESOURCE:CPU"):
        migrate(service_of(ecs), NEW, 0)


def test_a_migration_is_refused_during_another_deploy() -> None:
    ecs = FakeEcs()
    ecs.service["deployments"] = [ecs.deployment(OLD, "IN_PROGRESS")]
    with pytest.raises(Failure, match="is being deployed: wait"):
        migrate(service_of(ecs), NEW, 0)
    assert ecs.calls == []


def test_a_missing_service_is_reported_with_the_remedy() -> None:
    ecs = FakeEcs()
    ecs.service["status"] = "INACTIVE"
    with pytest.raises(Failure, match="scripts/deploy-infra creates it"):
        migrate(service_of(ecs), NEW, 0)
