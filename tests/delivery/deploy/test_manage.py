"""scripts/manage: it runs a command of manage.py in a task of what the service runs."""

import json

import pytest

from delivery.deploy.manage import manage
from delivery.errors import Failure
from tests.delivery.fake_ecs import BASE, OLD, FakeEcs, service_of


def test_a_command_uses_the_running_revision() -> None:
    ecs = FakeEcs()
    manage("staging", service_of(ecs), ["waffle_flag", "x", "--everyone"], 0)
    ((action, options),) = ecs.calls
    assert (action, options["--task-definition"]) == ("run-task", OLD)
    (override,) = json.loads(options["--overrides"])["containerOverrides"]
    assert override["command"] == ["python", "manage.py", "waffle_flag", "x", "--everyone"]


def test_a_command_fails_before_the_first_deploy() -> None:
    with pytest.raises(Failure, match="nothing was deployed to staging yet"):
        manage("staging", service_of(FakeEcs(runs=BASE)), ["check"], 0)
