"""Permissions: each call is checked against its caller's policies, as in AWS."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError
from ministack.services import ecr

from rehearsal.tests.aws.conftest import ADMINISTRATOR, Keys, ask, client, login, user_with

ECS = "arn:aws:ecs:us-east-1:123456789012:"
ROLE = "arn:aws:iam::123456789012:role/"
HOST = "localhost:4566"
FAMILY = {
    "family": "web",
    "containerDefinitions": [{"name": "web", "image": "web"}],
    "executionRoleArn": f"{ROLE}execution",
    "taskRoleArn": f"{ROLE}task",
}


@pytest.fixture(autouse=True)
def roles() -> None:
    for name in ("execution", "task"):
        client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")


def allow(*actions: str, on: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": on, **more}


def user(*statements: dict[str, Any]) -> Keys:
    """Create a user with these statements; return its keys."""
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    made = client("iam").create_policy(PolicyName="p", PolicyDocument=json.dumps(document))
    return user_with(made["Policy"]["Arn"])


def refusal(call: Callable[[], Any]) -> str:
    """Return why a call is refused; empty if it is allowed."""
    try:
        call()
    except ClientError as error:
        if "AccessDenied" in error.response["Error"]["Code"]:
            return str(error.response["Error"]["Message"])
    return ""


def describe(keys: Keys, service: str = "web", cluster: str = "c") -> str:
    return refusal(
        lambda: client("ecs", keys).describe_services(cluster=cluster, services=[service])
    )


def test_the_administrator_may_do_everything() -> None:
    assert client("ecs").list_clusters()["clusterArns"] == []


def test_a_call_without_a_policy_is_refused() -> None:
    keys = user(allow("logs:GetLogEvents"))
    assert describe(keys) == (
        "User: arn:aws:iam::123456789012:user/deploy is not authorized to perform:"
        f" ecs:DescribeServices on resource: {ECS}service/c/web"
        " because no identity-based policy allows the ecs:DescribeServices action"
    )


@pytest.mark.parametrize("action", ["ecs:DescribeServices", "ecs:Describe*", "ecs:describe*s", "*"])
@pytest.mark.parametrize("on", [f"{ECS}service/c/web", f"{ECS}service/c/w*", f"{ECS}service/?/web"])
def test_actions_and_resources_may_have_wildcards(action: str, on: str) -> None:
    keys = user(allow(action, on=on))
    assert describe(keys) == ""
    assert f"{ECS}service/c/other" in describe(keys, "other")
    assert f"{ECS}service/other/web" in describe(keys, cluster="other")


def test_a_call_needs_permission_for_each_resource() -> None:
    ecs = client("ecs", user(allow("ecs:DescribeServices", on=f"{ECS}service/c/web")))
    why = refusal(lambda: ecs.describe_services(cluster="c", services=["web", "other"]))
    assert f"{ECS}service/c/other" in why


def test_a_deny_overrides_an_allow() -> None:
    keys = user(allow("ecs:*"), {**allow("ecs:DescribeServices"), "Effect": "Deny"})
    assert describe(keys).endswith("with an explicit deny in an identity-based policy")


@pytest.mark.parametrize(("cluster", "refused"), [("mine", False), ("other", True)])
def test_a_condition_must_be_met(cluster: str, refused: bool) -> None:
    condition = {"ArnEquals": {"ecs:cluster": f"{ECS}cluster/mine"}}
    ecs = client("ecs", user(allow("ecs:RunTask", Condition=condition)))
    why = refusal(lambda: ecs.run_task(cluster=cluster, taskDefinition="web:1"))
    assert bool(why) == refused


def test_a_condition_limits_updates_to_a_task_definition_family() -> None:
    condition = {"ArnLike": {"ecs:task-definition": f"{ECS}task-definition/web:*"}}
    move = partial(
        client("ecs", user(allow("ecs:UpdateService", Condition=condition))).update_service,
        service="s",
    )
    moves = ({"taskDefinition": "web:1"}, {"taskDefinition": "other:1"}, {"desiredCount": 1})
    why = [refusal(partial(move, **parameters)) for parameters in moves]
    assert [bool(one) for one in why] == [False, True, True]


@pytest.mark.parametrize("role", ["execution", "task"])
def test_registering_a_task_definition_needs_permission_to_pass_its_roles(role: str) -> None:
    others = "task" if role == "execution" else "execution"
    keys = user(allow("ecs:RegisterTaskDefinition"), allow("iam:PassRole", on=f"{ROLE}{others}"))
    why = refusal(lambda: client("ecs", keys).register_task_definition(**FAMILY))
    assert f"iam:PassRole on resource: {ROLE}{role} because" in why


def test_running_a_task_needs_permission_to_pass_its_roles() -> None:
    client("ecs").register_task_definition(**FAMILY)
    keys = user(allow("ecs:RunTask"), allow("iam:PassRole", on=f"{ROLE}task"))
    why = refusal(lambda: client("ecs", keys).run_task(taskDefinition="web"))
    assert f"iam:PassRole on resource: {ROLE}execution because" in why


@pytest.mark.parametrize(("service", "refused"), [("ecs-tasks", False), ("ec2", True)])
def test_a_condition_limits_the_service_that_a_role_is_passed_to(
    service: str, refused: bool
) -> None:
    condition = {"StringEquals": {"iam:PassedToService": f"{service}.amazonaws.com"}}
    keys = user(
        allow("ecs:RegisterTaskDefinition", on=f"{ECS}task-definition/web:*"),
        allow("iam:PassRole", Condition=condition),
    )
    why = refusal(lambda: client("ecs", keys).register_task_definition(**FAMILY))
    assert bool(why) == refused


def test_registering_a_task_definition_with_tags_needs_permission_to_tag() -> None:
    keys = user(allow("ecs:RegisterTaskDefinition", "iam:PassRole"))
    tags = [{"key": "a", "value": "b"}]
    why = refusal(lambda: client("ecs", keys).register_task_definition(**FAMILY, tags=tags))
    assert f"ecs:TagResource on resource: {ECS}task-definition/web:*" in why


def test_running_a_task_with_tags_needs_permission_to_tag() -> None:
    client("ecs").register_task_definition(**FAMILY)
    ecs = client("ecs", user(allow("ecs:RunTask", "iam:PassRole")))
    tags = [{"key": "a", "value": "b"}]
    why = refusal(lambda: ecs.run_task(cluster="c", taskDefinition="web", tags=tags))
    assert f"ecs:TagResource on resource: {ECS}task/c/*" in why
    assert refusal(lambda: ecs.run_task(cluster="c", taskDefinition="web")) == ""


def test_updating_a_service_needs_permission_to_read_its_alarms() -> None:
    alarms = {"alarmNames": ["errors"], "enable": True, "rollback": True}
    client("ecs").create_cluster(clusterName="c")
    client("ecs").register_task_definition(**FAMILY)
    client("ecs").create_service(
        cluster="c",
        serviceName="web",
        taskDefinition="web",
        desiredCount=0,
        deploymentConfiguration={"alarms": alarms},
    )
    ecs = client("ecs", user(allow("ecs:UpdateService")))
    why = refusal(lambda: ecs.update_service(cluster="c", service="web", taskDefinition="web"))
    assert "cloudwatch:DescribeAlarms on resource: arn:aws:cloudwatch:us-east-1" in why


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "code", "status"),
    [
        ("ecs", "list_task_definitions", {}, "AccessDeniedException", 400),
        ("ecr", "describe_images", {"repositoryName": "web"}, "AccessDeniedException", 400),
        ("logs", "get_log_events", {"logStreamName": "s"}, "AccessDeniedException", 400),
        ("elbv2", "describe_target_groups", {}, "AccessDenied", 403),
        ("cloudformation", "describe_stacks", {"StackName": "web"}, "AccessDenied", 403),
        ("s3", "list_buckets", {}, "AccessDenied", 403),
    ],
)
def test_each_protocol_returns_its_own_access_denied_error(
    service: str, operation: str, parameters: dict[str, str], code: str, status: int
) -> None:
    keys = user(allow("sts:GetCallerIdentity"))
    with pytest.raises(ClientError) as raised:
        getattr(client(service, keys), operation)(**parameters)
    answer = raised.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)


def test_an_assumed_role_has_the_permissions_of_its_policies() -> None:
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    made = client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=document)["Role"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow("ecs:DescribeServices")]})
    client("iam").put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=policy)
    given = client("sts").assume_role(RoleArn=made["Arn"], RoleSessionName="job")["Credentials"]
    keys = (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    assert describe(keys) == ""
    assert ":assumed-role/r/job is not" in refusal(lambda: client("ecs", keys).stop_task(task="1"))


def test_everybody_may_call_get_caller_identity() -> None:
    keys = user({**allow("sts:*"), "Effect": "Deny"})
    assert client("sts", keys).get_caller_identity()["Arn"].endswith(":user/deploy")


@pytest.mark.parametrize("keys", [("AKIANOBODY", "secret"), (user, "wrong")])
def test_wrong_keys_are_refused(keys: tuple[Any, str]) -> None:
    name = keys[0](allow("*"))[0] if callable(keys[0]) else keys[0]
    with pytest.raises(ClientError, match=r"UnrecognizedClient|InvalidSignature"):
        client("ecs", (name, keys[1])).list_task_definitions()


def test_a_call_without_a_signature_is_refused() -> None:
    target = "AmazonEC2ContainerServiceV20141113.ListClusters"
    answered = ask("POST", "/", b"{}", host=HOST, x_amz_target=target)
    assert (answered.status, b"MissingAuthenticationToken" in answered.body) == (400, True)


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        ("ecs", "list_clusters", {}),
        ("secretsmanager", "get_secret_value", {"SecretId": "s"}),
    ],
)
def test_a_call_with_unknown_permissions_is_refused(
    service: str, operation: str, parameters: dict[str, str]
) -> None:
    keys = user(allow("*"))
    why = refusal(lambda: getattr(client(service, keys), operation)(**parameters))
    assert "The local AWS does not know which permissions" in why


@pytest.mark.parametrize(
    ("condition", "what"),
    [
        ({"StringSomehow": {"ecs:cluster": "c"}}, "the operator StringSomehow"),
        ({"StringEquals": {"ecs:account-setting": "c"}}, "the key ecs:account-setting"),
        ({"StringEquals": {"aws:ResourceTag/a": "b"}}, "the key aws:ResourceTag/a"),
        ({"StringEquals": {"ecs:cluster": "${aws:username}"}}, "a variable"),
    ],
)
def test_a_statement_that_cannot_be_evaluated_is_named_in_the_refusal(
    condition: dict[str, Any], what: str
) -> None:
    keys = user(allow("*"), {**allow("ecs:*"), "Effect": "Deny", "Condition": condition})
    assert f"The local AWS cannot evaluate {what}" in describe(keys)


def push(key: str) -> tuple[int, bytes]:
    path = "/v2/web/blobs/uploads/"
    answered = ask("POST", path, host=HOST, authorization=login(key))
    return answered.status, answered.body


def test_the_registry_requires_a_login() -> None:
    for head in ("", "Basic QVdTOm5vcGU="):
        answered = ask("GET", "/v2/", host=HOST, authorization=head)
        assert answered.status == 401
        assert dict(answered.headers)["www-authenticate"].startswith("Basic realm=")


def test_a_login_has_the_permissions_of_its_caller() -> None:
    ecr._create_repository({"repositoryName": "web"})
    may = user(
        allow("ecr:InitiateLayerUpload", on="arn:aws:ecr:us-east-1:123456789012:repository/web")
    )
    assert push(may[0])[0] == 202
    client("iam").detach_user_policy(
        UserName="deploy", PolicyArn="arn:aws:iam::123456789012:policy/p"
    )
    status, body = push(may[0])
    assert status == 403
    assert "not authorized to perform: ecr:InitiateLayerUpload" in body.decode()


def test_a_token_belongs_to_its_caller() -> None:
    ecr._create_repository({"repositoryName": "web"})
    keys = user(allow("ecr:GetAuthorizationToken"))
    for who, status in ((keys, 403), (ADMINISTRATOR, 202)):
        answer = client("ecr", who).get_authorization_token()["authorizationData"][0]
        head = f"Basic {answer['authorizationToken']}"
        answered = ask("POST", "/v2/web/blobs/uploads/", host=HOST, authorization=head)
        assert answered.status == status


def test_mounting_a_layer_needs_permission_to_read_its_repository() -> None:
    for name in ("web", "secret"):
        ecr._create_repository({"repositoryName": name})
    where = ask("POST", "/v2/secret/blobs/uploads/", host=HOST, authorization=login())
    upload = dict(where.headers)["location"]
    digest = "sha256:9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0"
    ask("PUT", upload, b"aaa", f"digest={digest}", host=HOST, authorization=login())
    key = user(allow("ecr:InitiateLayerUpload"))[0]
    query = f"mount={digest}&from=secret"
    for head, status in ((login(key), 202), (login(), 201)):
        path = "/v2/web/blobs/uploads/"
        assert ask("POST", path, b"", query, host=HOST, authorization=head).status == status


def test_the_decisions_are_listed() -> None:
    describe(user(allow("ecs:RunTask")))
    (seen,) = json.loads(ask("GET", "/_rehearsal/permissions", host=HOST).body)["decisions"]
    assert (seen["action"], seen["allowed"], seen["times"]) == ("ecs:DescribeServices", False, 1)
