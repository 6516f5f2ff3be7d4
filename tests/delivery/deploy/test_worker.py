"""The worker: each revision of the service has one of the worker, and both move together."""

from typing import Any

import pytest

from delivery.deploy.deploy_service import deploy
from delivery.deploy.revisions import History
from delivery.deploy.worker import register_worker, restart_worker
from delivery.errors import Failure
from tests.delivery.deploy.test_rollback import Site, back, recorded, site
from tests.delivery.fake_ecs import ARN, BASE, NEW, OLD, WORKER, FakeEcs, service_of

__all__ = ["site"]


@pytest.fixture
def ecs(site: Site) -> FakeEcs:
    """An ECS that runs revision 8, and revision 3 of a worker, which had revision 2 before."""
    site.ecs.add_worker(f"{WORKER}:3")
    site.ecs.tags[7]["worker"], site.ecs.tags[8]["worker"] = "2", "3"
    return site.ecs


def went_to(ecs: FakeEcs) -> list[tuple[str, str | None]]:
    """Return where each move led, with the number of tasks that it set."""
    return [(m["--task-definition"], m.get("--desired-count")) for m in ecs.moves()]


def register(ecs: FakeEcs) -> None:
    register_worker(History(ecs, "myapp-staging-task"), NEW)


def test_a_worker_gets_image_variables_and_secrets_of_the_service(ecs: FakeEcs) -> None:
    ecs.worker_base["environment"] = [{"name": "QUEUE", "value": "mail"}]
    register(ecs)
    definition: Any = ecs.calls[0][1]
    (mine,) = definition["containerDefinitions"]
    assert (mine["command"], mine["image"][-6:]) == (["work"], "v1.2.3")
    names = [variable["name"] for variable in mine["environment"]]
    assert names == ["APP_VERSION", "APP_COMMIT", "ALLOWED_HOSTS", "QUEUE"]
    assert (definition["family"], ecs.tags[8]["worker"]) == ("myapp-staging-worker", "4")


def test_without_a_worker_in_infra_none_is_registered_asked_for_or_moved() -> None:
    ecs = FakeEcs()
    ecs.tags[8] = {"worker": "3"}
    register(ecs)
    deploy(service_of(ecs), NEW, 0)
    restart_worker(service_of(ecs), 0)
    assert went_to(ecs) == [(NEW, None)]


def test_a_deploy_moves_the_worker_first(ecs: FakeEcs) -> None:
    ecs.tags[8]["worker"] = "4"
    deploy(service_of(ecs), NEW, 0)
    assert went_to(ecs) == [("myapp-staging-worker:4", "1"), (NEW, None)]


def test_a_worker_that_does_not_start_leaves_the_service_alone(ecs: FakeEcs) -> None:
    ecs.after_move = "FAILED"
    with pytest.raises(Failure, match="ECS gave up this deployment"):
        deploy(service_of(ecs), NEW, 0)
    assert went_to(ecs) == [("myapp-staging-worker:3", "1")]


def test_a_rollback_moves_the_worker_after_the_service(ecs: FakeEcs) -> None:
    assert back(ecs)
    assert went_to(ecs) == [(OLD, None), ("myapp-staging-worker:2", "1")]


def test_a_worker_that_moved_before_a_failed_deploy_is_moved_back(site: Site, ecs: FakeEcs) -> None:
    ecs.service |= {"taskDefinition": OLD, "deployments": [ecs.deployment(OLD)]}
    assert back(ecs, revision=OLD, leave=NEW)
    assert went_to(ecs) == [("myapp-staging-worker:2", "1")]


def test_a_version_from_before_the_worker_runs_without_one(ecs: FakeEcs) -> None:
    back(ecs, revision="6")
    assert went_to(ecs) == [(f"{ARN}:6", None), (f"{WORKER}:3", "0")]


def test_a_rollback_of_the_first_deploy_leaves_no_task_of_the_worker(ecs: FakeEcs) -> None:
    back(ecs, revision=BASE)
    assert went_to(ecs) == [(BASE, "0"), (f"{WORKER}:3", "0")]


def test_a_worker_that_did_not_follow_a_rollback_is_left_to_the_next_run(
    site: Site, ecs: FakeEcs
) -> None:
    tags, ecs.worker["tags"] = ecs.worker["tags"], []
    assert not back(ecs)
    assert recorded(ecs) == ["7 --rollback"]
    assert "but the worker did not follow: myapp-staging-worker has no tag" in site.told[0]
    ecs.worker["tags"] = tags
    assert back(ecs)
    assert went_to(ecs) == [(OLD, None), ("myapp-staging-worker:2", "1")]


def test_a_restart_replaces_the_tasks_by_the_same_revision(ecs: FakeEcs) -> None:
    restart_worker(service_of(ecs), 0)
    ((_, move),) = ecs.calls
    assert move["--task-definition"] == f"{WORKER}:3"
