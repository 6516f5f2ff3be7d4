"""Faults for drills: which calls fail, how, and how often."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from ministack.services import ecr

from rehearsal.aws.faults import faults
from rehearsal.tests.aws.conftest import Answered, ask, login, signed

HOST = "localhost:4566"
TARGETS = {
    "ecs": "AmazonEC2ContainerServiceV20141113",
    "ecr": "AmazonEC2ContainerRegistry_V20150921",
}


def ask_for(**fault: Any) -> Answered:
    return ask("POST", "/_rehearsal/faults", json.dumps(fault).encode(), host=HOST)


def call(service: str, action: str) -> Answered:
    """Call an API that speaks JSON."""
    name = f"{TARGETS[service]}.{action}"
    return ask("POST", "/", b"{}", host=HOST, authorization=signed(service), x_amz_target=name)


def query(service: str, action: str) -> Answered:
    """Call an API with a form, which answers with XML."""
    form = f"Action={action}&Version=2011-06-15".encode()
    kind = "application/x-www-form-urlencoded; charset=utf-8"
    return ask("POST", "/", form, host=HOST, authorization=signed(service), content_type=kind)


def test_a_call_fails_the_given_number_of_times() -> None:
    ask_for(service="ecs", action="ListClusters", error="ThrottlingException", times=2)
    answers = [call("ecs", "ListClusters") for _ in range(3)]
    assert [answered.status for answered in answers] == [400, 400, 200]
    assert json.loads(answers[0].body)["__type"] == "ThrottlingException"
    assert faults == []


def test_a_fault_leaves_other_calls_alone() -> None:
    ask_for(service="ecs", action="UpdateService", error="ThrottlingException")
    assert call("ecs", "ListClusters").status == 200
    assert call("ecr", "DescribeRepositories").status == 200


def test_a_fault_without_an_action_fails_every_call_of_the_service() -> None:
    ask_for(service="ecs", error="AccessDeniedException", times=9)
    assert call("ecs", "ListClusters").status == 400
    assert call("ecs", "ListTasks").status == 400


def test_expired_credentials_fail_until_there_are_new_ones() -> None:
    ask_for(service="ecs", error="ExpiredTokenException", times=9, until="GetCallerIdentity")
    assert call("ecs", "ListClusters").status == 400
    assert query("sts", "GetCallerIdentity").status == 200
    assert call("ecs", "ListClusters").status == 200


def test_a_call_with_a_form_fails_with_xml() -> None:
    ask_for(service="sts", action="GetCallerIdentity", error="ExpiredToken", status=403)
    refused, answered = query("sts", "GetCallerIdentity"), query("sts", "GetCallerIdentity")
    assert (refused.status, b"<Code>ExpiredToken</Code>" in refused.body) == (403, True)
    assert (answered.status, b"<Account>123456789012</Account>" in answered.body) == (200, True)


def test_a_fault_may_use_the_clis_name_of_a_service() -> None:
    ask_for(service="elbv2", error="Throttling")
    assert query("elasticloadbalancing", "DescribeLoadBalancers").status == 400


def test_the_registry_can_refuse_only_pushes() -> None:
    ecr._create_repository({"repositoryName": "myapp"})
    ask_for(registry=True, method="POST", status=500, times=1)
    assert ask("GET", "/v2/", host=HOST, authorization=login()).status == 200
    begin = partial(ask, "POST", "/v2/myapp/blobs/uploads/", host=HOST, authorization=login())
    assert [begin().status, begin().status] == [500, 202]


def test_a_fault_of_the_registry_leaves_the_api_alone() -> None:
    ask_for(registry=True, status=500, times=9)
    assert call("ecr", "DescribeRepositories").status == 200


def test_faults_can_be_listed_and_cleared() -> None:
    ask_for(service="ecs", error="ThrottlingException", times=3)
    (seen,) = json.loads(ask("GET", "/_rehearsal/faults", host=HOST).body)["faults"]
    assert (seen["service"], seen["times"]) == ("ecs", 3)
    ask("DELETE", "/_rehearsal/faults", host=HOST)
    assert call("ecs", "ListClusters").status == 200


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"x", "not a fault: "),
        (b"[]", "not a fault: "),
        (b"{}", "a fault needs service and error"),
        (b'{"service": "ecs", "error": "E", "time": 3}', "unknown fields: time"),
    ],
)
def test_an_invalid_fault_is_refused(body: bytes, problem: str) -> None:
    answered = ask("POST", "/_rehearsal/faults", body, host=HOST)
    assert answered.status == 400
    assert problem in json.loads(answered.body)["error"]
    assert faults == []
