"""The check of calls to the fake GitHub against GitHub's description of its API."""

from typing import Any

import pytest

from tests.delivery.github_api import Api


def test_github_documents_every_call(api: Api | None, github_document: Any) -> None:
    if not api:
        pytest.skip(f"NO CALL WAS HELD AGAINST GITHUB'S OWN DESCRIPTION: {github_document}")
    body = {"wait_timer": 5, "reviewers": [{"type": "User", "id": 1}]}
    assert api.request("PUT", "/repos/o/r/environments/production", body) == []


@pytest.mark.parametrize(
    ("method", "path", "body", "problem"),
    [
        ("PUT", "environment/x", {}, "no such operation"),
        ("PATCH", "environments/x", {}, "no such operation"),
        ("PUT", "environments/x", {"wait_minutes": 5}, "body.wait_minutes: no such field"),
        ("PUT", "environments/x", {"wait_timer": "5"}, "body.wait_timer: '5' is no integer"),
        ("PUT", "environments/x", {"reviewers": [{"type": "Bot"}]}, "'Bot' is none of"),
        ("PUT", "environments/x", {"deployment_branch_policy": {}}, "custom_branch_policies: miss"),
        ("POST", "rulesets", {"name": "x"}, "body.enforcement: missing"),
        ("GET", "rulesets?parents=false", None, "?parents: no such parameter"),
        ("GET", "environments/x", {"a": 1}, "a body, where there is none"),
    ],
)
def test_an_undocumented_call_is_noticed(
    api: Api | None, method: str, path: str, body: Any, problem: str
) -> None:
    if not api:
        pytest.skip("GitHub's description is out of reach")
    assert problem in "; ".join(api.request(method, f"/repos/o/r/{path}", body))


def test_an_unknown_rule_is_noticed(api: Api | None) -> None:
    if not api:
        pytest.skip("GitHub's description is out of reach")
    body = {"name": "x", "enforcement": "active", "rules": [{"type": "deletions"}]}
    assert "is none of" in api.request("POST", "/repos/o/r/rulesets", body)[0]
