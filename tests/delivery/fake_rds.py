"""A fake database with two passwords, and an ECS whose tasks use it."""

import json
from collections.abc import Mapping
from typing import Any

from delivery.aws.database_password import PasswordRotation
from delivery.aws.infra_parameters import read_parameters
from tests.delivery.documented_aws import check_answer, check_request, grouped
from tests.delivery.fake_ecs import NEW, FakeEcs
from tests.delivery.kill_switch import KillSwitch


class FakeRds(FakeEcs):
    """A MySQL with two passwords, their secrets, and tasks that read theirs at start."""

    def __init__(self, kill_switch: KillSwitch) -> None:
        super().__init__(runs=NEW)
        self.kill_switch = kill_switch
        self.number = 1
        self.first, self.second = "password-1", ""
        self.url = "password-1"
        self.tasks = {"password-1"}
        self.status = "UPDATE_COMPLETE"
        self.secret_tags: dict[str, list[dict[str, str]]] = {}
        self.acts: list[str] = []

    def __call__(self, service: str, action: str, *words: str) -> Any:
        check_request(service, action, grouped(words))
        self.changed()
        answer = super().__call__(service, action, *words)
        if service == "secretsmanager":
            check_answer(service, action, answer)
        return answer

    def changed(self) -> None:
        """Check before and after each change that every task can open a connection."""
        assert self.tasks <= {self.first, self.second}
        self.kill_switch.tick()

    def run_task(self, options: dict[str, str]) -> Any:
        act = json.loads(options["--overrides"])["containerOverrides"][0]["command"][-1]
        self.acts.append(act)
        is_in = self.url in (self.first, self.second)
        self.task = {"lastStatus": "STOPPED", "containers": [self.container(0 if is_in else 1)]}
        if is_in and act == "keep":
            self.first = self.second = self.url
        if is_in and act == "discard":
            self.second = ""
        return super().run_task(options)

    def update_service(self, options: dict[str, str]) -> Any:
        assert "--force-new-deployment" in self.words
        self.tasks.add(self.url)
        self.changed()
        self.tasks = {self.url}
        return super().update_service(options)

    def describe_stacks(self, options: Mapping[str, str]) -> Any:
        number = {"ParameterKey": "DatabasePasswordNumber", "ParameterValue": str(self.number)}
        return {"Stacks": [{"StackStatus": self.status, "Parameters": [number]}]}

    def describe_secret(self, options: Mapping[str, str]) -> Any:
        return {"Tags": self.secret_tags.get(options["--secret-id"], [])}

    def tag_resource(self, options: Mapping[str, str]) -> Any:
        key, value = options["--tags"].removeprefix("Key=").split(",Value=")
        self.secret_tags[options["--secret-id"]] = [{"Key": key, "Value": value}]

    def cloudformation(self, number: int) -> None:
        """Change the password first, and then the secret that leads to it."""
        if number == self.number:
            return
        self.first = f"password-{number}"
        self.changed()
        self.url = self.first
        self.number = number
        self.changed()


class Rotation(PasswordRotation):
    def deploy_infra(self) -> None:
        assert isinstance(self.aws, FakeRds)
        self.aws.cloudformation(int(read_parameters(self.path)[2]["DatabasePasswordNumber"]))
