"""scripts/deploy-service: it moves the service to a revision, or says why it did not."""

import json
from pathlib import Path

import botocore.session
import botocore.validate
import pytest

from delivery.deploy.deploy_service import deploy
from delivery.errors import Failure
from tests.delivery.fake_ecs import BASE, CONFIGURATION, NEW, OLD, FakeEcs, service_of

pytestmark = pytest.mark.usefixtures("outputs")


def test_a_deploy_changes_the_revision_but_not_the_number_of_tasks(outputs: Path) -> None:
    ecs = FakeEcs()
    deploy(service_of(ecs), NEW, 0)
    (move,) = ecs.moves()
    assert move["--task-definition"] == NEW
    assert "--desired-count" not in move
    assert outputs.read_text() == f"previous={OLD}\n"


def test_a_deploy_turns_alarms_on_and_keeps_other_settings() -> None:
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


def test_the_first_deploy_starts_the_minimum_number_of_tasks() -> None:
    ecs = FakeEcs(runs=BASE)
    deploy(service_of(ecs), NEW, 0)
    assert ecs.moves()[0]["--desired-count"] == "2"


def test_a_deployment_that_ecs_gives_up_fails_with_the_reason(outputs: Path) -> None:
    ecs = FakeEcs()
    ecs.after_move = "FAILED"
    with pytest.raises(Failure, match=r"moves to .*-task:7. rollout FAILED \| \(service myapp\)"):
        deploy(service_of(ecs), NEW, 0)
    assert outputs.read_text() == f"previous={OLD}\n"


def test_a_deployment_that_does_not_complete_in_time_fails() -> None:
    ecs = FakeEcs()
    ecs.after_move = "IN_PROGRESS"
    with pytest.raises(Failure, match="not complete after 0 s"):
        deploy(service_of(ecs), NEW, 0)


def test_a_deployment_may_be_listed_late() -> None:
    ecs = FakeEcs()
    ecs.looks_until_known = 2
    deploy(service_of(ecs), NEW, 5)
