"""Names that resolve on any machine, and the servers behind them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from docker.errors import NotFound
from docker.models.containers import ContainerCollection
from ministack.services import alb, ecr
from ministack.services.cloudformation import provisioners, stacks

from rehearsal.aws import names, settings
from rehearsal.aws.metrics import dimension
from rehearsal.tests.aws.conftest import ask, make_balancer, signed


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("ministack-ecs-1a2b-myapp", "rehearsal-ecs-1a2b-myapp"),
        ("rehearsal-rds-myapp-staging", "rehearsal-rds-myapp-staging"),
        ("other", "rehearsal-other"),
    ],
)
def test_every_container_is_named_after_the_rehearsal(theirs: str, ours: str) -> None:
    assert names.container_name(theirs) == ours


def test_every_container_has_our_label_and_publishes_no_port() -> None:
    found = names.ours({"name": "ministack-x", "labels": {"a": "b"}, "ports": {"80/tcp": 80}})
    assert found == {"name": "rehearsal-x", "labels": {"a": "b", "rehearsal": "1"}}


def test_ministack_finds_its_containers_by_our_names() -> None:
    asked: list[str] = []

    def get(self: Any, name: str) -> str:
        asked.append(name)
        if name.startswith("ministack-"):
            raise NotFound("gone")
        return "it"

    assert names.get(get, ContainerCollection(), "ministack-ecs-1") == "it"
    assert asked == ["ministack-ecs-1", "rehearsal-ecs-1"]


def test_a_missing_container_raises_not_found() -> None:
    def get(self: Any, name: str) -> str:
        raise NotFound("gone")

    with pytest.raises(NotFound):
        names.get(get, ContainerCollection(), "0123456789ab")


def test_a_load_balancer_has_a_localhost_name() -> None:
    balancer, _ = make_balancer(80, name="MyApp")
    assert alb._lbs[balancer]["DNSName"] == "myapp.elb.localhost"


def test_a_load_balancer_in_a_template_has_a_localhost_name() -> None:
    _, attributes = provisioners._elbv2_load_balancer_create("L", {"Name": "myapp"}, "stack")
    assert attributes["DNSName"] == "myapp.elb.localhost"


def test_a_target_group_in_a_template_has_the_name_of_its_metrics() -> None:
    arn, attributes = provisioners._elbv2_target_group_create("T", {"Name": "myapp"}, "stack")
    assert dimension(arn) == ("TargetGroup", attributes["TargetGroupFullName"])


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("http://myapp.elb.localhost", "http://myapp.elb.localhost:8080"),
        ("myapp.elb.localhost", "myapp.elb.localhost"),
        ("https://www.example.com", "https://www.example.com"),
    ],
)
def test_the_address_in_a_stacks_outputs_has_the_port_that_leads_there(
    monkeypatch: pytest.MonkeyPatch, text: str, printed: str
) -> None:
    def resolved() -> str:
        outputs = {"Url": {"Value": text}}
        found, _ = stacks._resolve_stack_outputs(outputs, {}, {}, {}, {}, "stack", "id")
        return str(found[0]["OutputValue"])

    assert resolved() == text
    monkeypatch.setattr(settings, "WEB_PORT", 8080)
    assert resolved() == printed


def test_the_registry_has_an_address_that_docker_accepts_over_plain_http() -> None:
    _, _, body = ecr._create_repository({"repositoryName": "myapp"})
    assert json.loads(body)["repository"]["repositoryUri"] == "localhost:4566/myapp"


def test_a_login_is_for_the_local_registry() -> None:
    _, _, body = ecr._get_authorization_token({})
    (data,) = json.loads(body)["authorizationData"]
    assert data["proxyEndpoint"] == "http://localhost:4566"
    assert base64.b64decode(data["authorizationToken"]).startswith(b"AWS:")


@pytest.mark.parametrize("host", ["localhost:4566", "gone.elb.localhost", "127.0.0.1"])
def test_an_unknown_host_gets_a_plain_404(host: str) -> None:
    answered = ask("GET", "/", host=host)
    assert answered.status == 404
    assert dict(answered.headers)["content-type"] == "text/plain"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_to_a_deleted_load_balancer_does_not_reach_aws(method: str) -> None:
    assert ask(method, "/health/", host="gone.elb.localhost").status == 404


def test_a_signed_call_reaches_aws() -> None:
    answered = ask("GET", "/", host="localhost:4566", authorization=signed("s3"))
    assert (answered.status, b"ListAllMyBucketsResult" in answered.body) == (200, True)


def test_unsigned_pages_of_ministack_are_still_served() -> None:
    assert ask("GET", "/_ministack/health", host="localhost:4566").status == 200
