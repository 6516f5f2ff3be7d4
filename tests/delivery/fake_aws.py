"""A fake AWS with stacks, change sets and services."""

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from delivery.aws.client import Aws
from delivery.aws.infra_parameters import declared
from delivery.errors import Failure


class FakeAws(Aws):
    """Answers like AWS; `calls` has the calls that changed something."""

    def __init__(self) -> None:
        super().__init__("us-east-1", seconds=0)
        self.stacks: dict[str, dict[str, Any]] = {}
        self.proposed: dict[str, dict[str, Any]] = {}
        self.services: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, str]] = []
        self.ecs_role = self.provider = True
        self.hosts = "balancer.example.net"

    def __call__(self, service: str, action: str, *words: str) -> Any:
        options = dict(pairwise(words))
        answer = getattr(self, action.replace("-", "_"))(options)
        return answer if answer is not None else {}

    def runs(self, revision: str, state: str = "COMPLETED", of: str = "service") -> None:
        found = {"status": "ACTIVE", "taskDefinition": revision}
        self.services[f"myapp-staging-{of}"] = found | {"deployments": [{"rolloutState": state}]}

    def get_role(self, options: Mapping[str, str]) -> None:
        if not self.ecs_role:
            raise Failure("An error occurred (NoSuchEntity)")

    def create_service_linked_role(self, options: Mapping[str, str]) -> None:
        self.calls.append(("create", options["--aws-service-name"]))
        self.ecs_role = True

    def list_open_id_connect_providers(self, options: Mapping[str, str]) -> Any:
        arn = "arn:aws:iam::1:oidc-provider/token.actions.githubusercontent.com"
        return {"OpenIDConnectProviderList": [{"Arn": arn}] if self.provider else []}

    def create_open_id_connect_provider(self, options: Mapping[str, str]) -> None:
        if self.provider:
            raise Failure("An error occurred (EntityAlreadyExists)")
        self.calls.append(("create", options["--url"]))
        self.provider = True

    def describe_services(self, options: Mapping[str, str]) -> Any:
        found = self.services.get(options["--services"])
        return {"services": [found] if found else []}

    def describe_task_definition(self, options: Mapping[str, str]) -> Any:
        variable = {"name": "ALLOWED_HOSTS", "value": self.hosts}
        return {"taskDefinition": {"containerDefinitions": [{"environment": [variable]}]}}

    def describe_stacks(self, options: Mapping[str, str]) -> Any:
        if (name := options["--stack-name"]) not in self.stacks:
            raise Failure(f"Stack with id {name} does not exist")
        return {"Stacks": [self.stacks[name]]}

    def create_change_set(self, options: Mapping[str, str]) -> Any:
        name = options["--stack-name"]
        assert ("CREATE" if name not in self.stacks else "UPDATE") == options["--change-set-type"]
        template = Path(options["--template-body"].removeprefix("file://"))
        wanted = {
            "StackName": name,
            "Parameters": json.loads(options["--parameters"]),
            "Template": template.read_text(),
            "Outputs": [
                {"OutputKey": key, "OutputValue": f"{key}-value"}
                for key in declared(template.stem, "Outputs")
            ],
        }
        self.proposed[name] = wanted
        return {"Id": name}

    def describe_change_set(self, options: Mapping[str, str]) -> Any:
        wanted = self.proposed[options["--change-set-name"]]
        if wanted.items() <= self.stacks.get(wanted["StackName"], {}).items():
            return {"Status": "FAILED", "StatusReason": "The submission didn't contain changes."}
        change = {"Action": "Add", "LogicalResourceId": "Thing", "ResourceType": "AWS::A::B"}
        return {
            "Status": "CREATE_COMPLETE",
            "ChangeSetId": wanted["StackName"],
            "Changes": [{"ResourceChange": change}],
        }

    def delete_change_set(self, options: Mapping[str, str]) -> None:
        self.proposed.pop(options["--change-set-name"])

    def delete_stack(self, options: Mapping[str, str]) -> None:
        self.stacks.pop(options["--stack-name"], None)

    def execute_change_set(self, options: Mapping[str, str]) -> None:
        name = options["--change-set-name"]
        self.calls.append(("execute", name))
        self.stacks[name] = {**self.proposed.pop(name), "StackStatus": "UPDATE_COMPLETE"}

    def update_stack(self, options: Mapping[str, str]) -> None:
        stack = self.stacks[options["--stack-name"]]
        known = {parameter["ParameterKey"]: parameter for parameter in stack["Parameters"]}
        for parameter in json.loads(options["--parameters"]):
            assert parameter["ParameterKey"] in known, "the template has no such parameter"
            if "ParameterValue" in parameter:
                known[parameter["ParameterKey"]] = parameter
        stack["Parameters"] = list(known.values())
        self.calls.append(("record", options["--stack-name"]))

    def recorded(self, of: str = "service") -> str:
        parameters = self.stacks[f"myapp-staging-{of}"]["Parameters"]
        return {p["ParameterKey"]: str(p["ParameterValue"]) for p in parameters}["RunningRevision"]
