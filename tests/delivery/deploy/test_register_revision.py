"""scripts/register-revision: it registers what infra/ made, with another image."""

from delivery.deploy.revisions import register
from tests.delivery.fake_ecs import BASE, NEW, FakeEcs


def test_a_revision_keeps_all_settings_of_infra() -> None:
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
