"""The ECS client: what it says of a deployment that failed."""

import pytest

from delivery.aws.ecs import Service
from delivery.errors import Failure
from tests.delivery.fake_ecs import FakeEcs, service_of


def test_the_reason_of_a_failed_deployment_is_found_in_older_events(
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


def test_a_deployment_that_is_no_longer_listed_fails() -> None:
    ecs = FakeEcs()
    with pytest.raises(Failure, match="ECS gave up this deployment"):
        service_of(ecs).wait("deployment-other", 0)
