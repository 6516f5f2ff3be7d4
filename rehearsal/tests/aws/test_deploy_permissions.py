"""The policies of infra/delivery.yaml have only the permissions that a deploy needs."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from rehearsal import local_aws
from rehearsal.aws.authorization import decisions
from rehearsal.drills.context import DrillContext
from rehearsal.drills.environment import lose_permission
from rehearsal.paths import ENVIRONMENTS, ROOT
from rehearsal.tests.aws.conftest import Keys, ask, client, login, user_with
from rehearsal.tests.aws.deploy_calls import ACCOUNT, Call, calls, definition

HOST = "localhost:4566"
TEMPLATE = (ROOT / "infra" / "delivery.yaml").read_text()


@dataclass
class Deploys:
    """An environment with the resources that deploys use, and the keys of its deploy user."""

    environment: str
    keys: Keys

    @property
    def policy(self) -> str:
        return f"arn:aws:iam::{ACCOUNT}:policy/myapp-{self.environment}-deploy"

    def document(self) -> dict[str, Any]:
        version = client("iam").get_policy(PolicyArn=self.policy)["Policy"]["DefaultVersionId"]
        found = client("iam").get_policy_version(PolicyArn=self.policy, VersionId=version)
        return dict(found["PolicyVersion"]["Document"])

    def put(self, document: dict[str, Any]) -> None:
        versions = client("iam").list_policy_versions(PolicyArn=self.policy)["Versions"]
        for version in versions:
            if not version["IsDefaultVersion"]:
                client("iam").delete_policy_version(
                    PolicyArn=self.policy, VersionId=version["VersionId"]
                )
        client("iam").create_policy_version(
            PolicyArn=self.policy, PolicyDocument=json.dumps(document), SetAsDefault=True
        )

    def refusal(self, call: Call) -> str:
        """Return why a call is refused; empty if it is allowed."""
        if not call.operation:
            head = login(self.keys[0])
            answered = ask(call.method, call.path, host=HOST, authorization=head)
            return answered.body.decode() or "refused" if answered.status == 403 else ""
        try:
            client(call.service, self.keys)._make_api_call(call.operation, call.parameters)
        except ClientError as error:
            if "AccessDenied" in error.response["Error"]["Code"]:
                return str(error.response["Error"]["Message"])
        return ""

    def asked_for(self, call: Call) -> set[str]:
        """Return the actions that a call needs."""
        decisions.clear()
        self.refusal(call)
        return {action for _, action, _, _ in decisions}


@pytest.fixture(params=ENVIRONMENTS)
def deploys(request: pytest.FixtureRequest) -> Deploys:
    name = f"myapp-{request.param}"
    family = definition(request.param)
    roles = [family["executionRoleArn"], family["taskRoleArn"]]
    for role in roles:
        short = role.rpartition("/")[2]
        client("iam").create_role(RoleName=short, AssumeRolePolicyDocument="{}")
    given = {
        "Environment": request.param,
        "ExecutionRoleArn": roles[0],
        "TaskRoleArn": roles[1],
        "LogGroup": f"/myapp/{request.param}",
        "GitHubSubject": "",
        "GitHubOidcProvider": "exists",
    }
    wanted = client("cloudformation").validate_template(TemplateBody=TEMPLATE)["Parameters"]
    client("cloudformation").create_stack(
        StackName=f"{name}-delivery",
        TemplateBody=TEMPLATE,
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[
            {"ParameterKey": key, "ParameterValue": given[key]}
            for key in (one["ParameterKey"] for one in wanted)
        ],
    )
    alarms = {"alarmNames": [f"{name}-errors"], "enable": True, "rollback": True}
    client("ecs").create_cluster(clusterName=f"{name}-cluster")
    client("ecs").register_task_definition(**family)
    client("ecs").create_service(
        cluster=f"{name}-cluster",
        serviceName=f"{name}-service",
        taskDefinition=family["family"],
        desiredCount=0,
        deploymentConfiguration={"alarms": alarms},
    )
    policy = f"arn:aws:iam::{ACCOUNT}:policy/{name}-deploy"
    return Deploys(request.param, user_with(policy, f"{name}-deploy"))


def without_each_action(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield each action of each statement, and the document without it."""
    for number, statement in enumerate(document["Statement"]):
        actions = statement["Action"]
        for action in [actions] if isinstance(actions, str) else actions:
            less = copy.deepcopy(document)
            kept = [one for one in actions if one != action] if actions != action else []
            less["Statement"][number]["Action"] = kept or "none:None"
            yield statement["Sid"], action, less


def test_a_deploy_is_allowed_each_of_its_calls(deploys: Deploys) -> None:
    refused = {str(call): deploys.refusal(call) for call in calls(deploys.environment)}
    assert {call: why for call, why in refused.items() if why} == {}


def test_a_deploy_needs_each_of_its_permissions(deploys: Deploys) -> None:
    asking = [(call, deploys.asked_for(call)) for call in calls(deploys.environment)]
    unneeded = []
    for sid, action, less in without_each_action(deploys.document()):
        deploys.put(less)
        if not any(deploys.refusal(call) for call, actions in asking if action in actions):
            unneeded.append(f"{sid}: {action}")
    assert unneeded == []


def test_a_deploy_may_not_change_the_other_environment(deploys: Deploys) -> None:
    other = next(name for name in ENVIRONMENTS if name != deploys.environment)
    writes = ("RegisterTaskDefinition", "RunTask", "StopTask", "TagResource", "UpdateService")
    allowed = [
        str(call)
        for call in calls(other)
        if call.operation in writes or call.method in ("POST", "PATCH", "PUT")
        if not deploys.refusal(call)
    ]
    assert allowed == []


def run_cli(*words: str) -> str:
    """Answer as the AWS CLI does, for options with one value or none."""
    _, service, action, *options, _ = words
    model = client(service).meta.service_model
    names = {xform_name(name, "-"): name for name in model.operation_names}
    members = model.operation_model(names[action]).input_shape.members
    parameters = {xform_name(name, "-"): name for name in members}
    pairs = zip(options, [*options[1:], "--"], strict=False)
    given = {
        parameters[name[2:]]: True if value.startswith("--") else value
        for name, value in pairs
        if name.startswith("--")
    }
    return json.dumps(client(service)._make_api_call(names[action], given), default=str)


def test_creating_an_environment_replaces_the_keys_of_its_deploys(
    monkeypatch: pytest.MonkeyPatch, deploys: Deploys
) -> None:
    monkeypatch.setattr(local_aws, "shell", run_cli)
    first, second = (local_aws.deploy_keys(deploys.environment) for _ in range(2))
    assert first != second
    caller = client("sts", tuple(second.values())).get_caller_identity()["Arn"]
    assert caller.endswith(f":user/myapp-{deploys.environment}-deploy")
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        client("sts", tuple(first.values())).get_caller_identity()


def test_deploys_get_a_user_with_the_policy_of_deploys(
    monkeypatch: pytest.MonkeyPatch, deploys: Deploys
) -> None:
    name = f"myapp-{deploys.environment}-deploy"
    administrator = client("iam")
    administrator.detach_user_policy(UserName=name, PolicyArn=deploys.policy)
    administrator.delete_access_key(UserName=name, AccessKeyId=deploys.keys[0])
    administrator.delete_user(UserName=name)
    monkeypatch.setattr(local_aws, "shell", run_cli)
    keys = local_aws.deploy_keys(deploys.environment)
    deploys.keys = (keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"])
    assert [str(call) for call in calls(deploys.environment) if deploys.refusal(call)] == []


@pytest.mark.parametrize("deploys", ["staging"], indirect=True)
@pytest.mark.parametrize("operation", ["RunTask", "StopTask"])
def test_a_drill_can_remove_and_restore_a_permission(
    monkeypatch: pytest.MonkeyPatch, deploys: Deploys, operation: str
) -> None:
    monkeypatch.setattr(local_aws, "shell", run_cli)
    call = next(call for call in calls("staging") if call.operation == operation)
    with ExitStack() as undo:
        context = SimpleNamespace(cleanup=SimpleNamespace(faults=undo))
        lose_permission(f"ecs:{operation}")(cast(DrillContext, context))
        assert f"is not authorized to perform: ecs:{operation}" in deploys.refusal(call)
    assert deploys.refusal(call) == ""
