"""Names that resolve on any machine, and the servers behind them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from docker.errors import NotFound
from docker.models.containers import ContainerCollection
from ministack.services import alb, ecr
from ministack.services.cloudformation import provisioners

from rehearsal.aws import names
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


def test_every_container_is_labelled_and_takes_no_port_of_the_machine() -> None:
    found = names.ours({"name": "ministack-x", "labels": {"a": "b"}, "ports": {"80/tcp": 80}})
    assert found == {"name": "rehearsal-x", "labels": {"a": "b", "rehearsal": "1"}}


def test_ministack_finds_its_containers_under_our_names() -> None:
    asked: list[str] = []

    def get(self: Any, name: str) -> str:
        asked.append(name)
        if name.startswith("ministack-"):
            raise NotFound("gone")
        return "it"

    assert names.get(get, ContainerCollection(), "ministack-ecs-1") == "it"
    assert asked == ["ministack-ecs-1", "rehearsal-ecs-1"]


def test_a_container_that_is_not_there_is_not_found() -> None:
    def get(self: Any, name: str) -> str:
        raise NotFound("gone")

    with pytest.raises(NotFound):
        names.get(get, ContainerCollection(), "0123456789ab")


def test_a_load_balancer_has_a_name_that_leads_here() -> None:
    balancer, _ = make_balancer(80, name="MyApp")
    assert alb._lbs[balancer]["DNSName"] == "myapp.elb.localhost"


def test_a_load_balancer_of_a_template_has_it_too() -> None:
    _, attributes = provisioners._elbv2_load_balancer_create("L", {"Name": "myapp"}, "stack")
    assert attributes["DNSName"] == "myapp.elb.localhost"


def test_a_target_group_of_a_template_is_called_as_in_its_figures() -> None:
    arn, attributes = provisioners._elbv2_target_group_create("T", {"Name": "myapp"}, "stack")
    assert dimension(arn) == ("TargetGroup", attributes["TargetGroupFullName"])


def test_the_registry_is_one_that_docker_takes_over_plain_http() -> None:
    _, _, body = ecr._create_repository({"repositoryName": "myapp"})
    assert json.loads(body)["repository"]["repositoryUri"] == "localhost:4566/myapp"


def test_a_login_is_for_that_registry() -> None:
    _, _, body = ecr._get_authorization_token({})
    (data,) = json.loads(body)["authorizationData"]
    assert data["proxyEndpoint"] == "http://localhost:4566"
    assert base64.b64decode(data["authorizationToken"]).startswith(b"AWS:")


@pytest.mark.parametrize("host", ["localhost:4566", "gone.elb.localhost", "127.0.0.1"])
def test_a_host_that_matches_nothing_gets_a_plain_404(host: str) -> None:
    answered = ask("GET", "/", host=host)
    assert answered.status == 404
    assert dict(answered.headers)["content-type"] == "text/plain"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_load_balancer_that_is_gone_is_never_taken_for_aws(method: str) -> None:
    assert ask(method, "/health/", host="gone.elb.localhost").status == 404


def test_a_signed_call_reaches_aws() -> None:
    answered = ask("GET", "/", host="localhost:4566", authorization=signed("s3"))
    assert (answered.status, b"ListAllMyBucketsResult" in answered.body) == (200, True)


def test_what_is_served_without_a_signature_stays() -> None:
    assert ask("GET", "/_ministack/health", host="localhost:4566").status == 200
