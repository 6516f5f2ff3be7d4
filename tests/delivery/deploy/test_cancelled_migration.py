"""A deploy that is cancelled stops its migration; no second migration runs beside one.

GitHub's runner signals only the process of the step: SIGINT, 7.5 s later SIGTERM.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from delivery.aws.ecs import Service
from delivery.deploy.migrate import migrate
from delivery.errors import Failure
from delivery.paths import ROOT, WORKFLOWS
from tests.delivery.fake_ecs import NEW, OLD, FakeEcs

AWS = """\
#!/bin/sh
echo "$2" >> "$NOTES"
case $2 in
    describe-services) echo '{"services": [{"status": "ACTIVE", "taskDefinition": "x-task:7",
        "networkConfiguration": {}, "deployments": [{"status": "PRIMARY"}]}]}' ;;
    run-task) echo '{"tasks": [{"taskArn": "arn:aws:ecs:us-east-1:1:task/cluster/t1"}]}' ;;
    describe-tasks) echo '{"tasks": [{"lastStatus": "RUNNING"}]}' ;;
    list-tasks) echo '{"taskArns": []}' ;;
    *) echo '{}' ;;
esac
"""


def step(workflow: str) -> str:
    steps = yaml.safe_load((WORKFLOWS / workflow).read_text())["jobs"]["deploy"]["steps"]
    (command,) = [str(s["run"]) for s in steps if s.get("name") == "Run database migrations"]
    return command


@pytest.fixture
def aws(tmp_path: Path) -> Path:
    """An AWS whose migration never ends; return where it notes what it was asked."""
    (tmp_path / "aws").write_text(AWS)
    (tmp_path / "aws").chmod(0o755)
    (tmp_path / "notes").touch()
    return tmp_path / "notes"


@pytest.fixture(params=["deploy-staging.yml", "deploy-prod.yml"])
def running(request: pytest.FixtureRequest, aws: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The step as the runner starts it, while its task runs."""
    script = aws.parent / "step.sh"
    script.write_text(step(request.param))
    variables = {
        "PATH": f"{aws.parent}:{os.environ['PATH']}",
        "NOTES": str(aws),
        "AWS_REGION": "us-east-1",
        "ECS_CLUSTER": "cluster",
        "ECS_SERVICE": "service",
        "REVISION": NEW,
        "LIMIT": "900",
    }
    command = ["bash", "-e", str(script)]
    with subprocess.Popen(command, cwd=ROOT, env=variables, start_new_session=True) as process:
        while "describe-tasks" not in aws.read_text() and process.poll() is None:
            time.sleep(0.01)
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_cancelled_step_stops_its_task(
    running: subprocess.Popen[bytes], aws: Path, sign: signal.Signals
) -> None:
    running.send_signal(sign)
    assert running.wait(60) not in (0, -sign)
    assert aws.read_text().split()[-1] == "stop-task"


def interrupted_at(ecs: FakeEcs, action: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the runner's signal arrive while AWS answers; a command has this one thread."""
    original = getattr(ecs, action)

    def answer(options: dict[str, str]) -> object:
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        return original(options)

    monkeypatch.setattr(ecs, action, answer)


@pytest.mark.parametrize("action", ["run_task", "describe_tasks"])
def test_a_signal_at_any_time_stops_the_task(action: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ecs = FakeEcs()
    interrupted_at(ecs, action, monkeypatch)
    with pytest.raises(KeyboardInterrupt, match="task t1 was stopped"):
        migrate(Service(ecs, "cluster", "service"), NEW, 60)
    assert [name for name, _ in ecs.calls] == ["run-task", "stop-task"]


@pytest.mark.parametrize("status", ["RUNNING", "STOPPING"])
def test_a_second_migration_is_refused_while_one_runs(status: str) -> None:
    ecs = FakeEcs()
    ecs.others = [{"taskArn": "task/t0", "startedBy": "migration", "lastStatus": status}]
    with pytest.raises(Failure, match=f"task t0 of another migration is {status}: wait"):
        migrate(Service(ecs, "cluster", "service"), NEW, 60)
    assert ecs.calls == []


@pytest.mark.parametrize(
    "task",
    [
        {"startedBy": "ecs-svc/1", "lastStatus": "RUNNING", "taskDefinitionArn": OLD},
        {"startedBy": "migration", "lastStatus": "STOPPED"},
        {"lastStatus": "RUNNING"},
    ],
)
def test_other_tasks_do_not_block_a_migration(task: dict[str, str]) -> None:
    ecs = FakeEcs()
    ecs.others = [{"taskArn": "task/t0", **task}]
    migrate(Service(ecs, "cluster", "service"), NEW, 60)
    assert [name for name, _ in ecs.calls] == ["run-task"]
