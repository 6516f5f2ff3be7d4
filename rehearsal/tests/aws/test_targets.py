"""Health and routing of targets, with a real server."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from ministack.services import alb

from rehearsal.aws.records import TargetGroup
from rehearsal.aws.targets import Health, check, codes, targets
from rehearsal.aws.traffic import traffic
from rehearsal.tests.aws.conftest import Server, ask, make_balancer

GROUP: TargetGroup = {
    "TargetGroupArn": "group",
    "Port": 1,
    "HealthCheckPath": "/live/",
    "HealthCheckTimeoutSeconds": 60,
    "HealthCheckIntervalSeconds": 10,
    "HealthyThresholdCount": 3,
    "UnhealthyThresholdCount": 2,
    "Matcher": {"HttpCode": "200"},
}
HERE = "127.0.0.1"


@pytest.mark.parametrize(
    ("matcher", "expected"),
    [("200", {200}), ("200,202", {200, 202}), ("200-202", {200, 201, 202})],
)
def test_a_matcher_lists_statuses_and_ranges(matcher: str, expected: set[int]) -> None:
    assert codes(matcher) == expected


def test_a_health_check_requests_the_groups_path(server: Server) -> None:
    assert check(GROUP, {"Id": HERE, "Port": server.port}) == ""
    assert server.asked == ["/live/"]
    assert server.agents == ["ELB-HealthChecker/2.0"]


def test_a_failed_health_check_names_the_status(server: Server) -> None:
    server.status = 503
    problem = check(GROUP, {"Id": HERE, "Port": server.port})
    assert problem == "Health checks failed with these codes: [503]"


def test_a_health_check_without_a_server_fails() -> None:
    assert check(GROUP, {"Id": HERE, "Port": 1}) == "Health checks failed"


def test_a_new_target_is_healthy_after_its_first_passed_check() -> None:
    health = Health()
    health.observe(GROUP, "")
    assert health.state == "healthy"


def test_a_target_changes_its_health_after_the_groups_thresholds() -> None:
    health = Health()
    states = []
    for problem in ("", "bad", "bad", "", "", ""):
        health.observe(GROUP, problem)
        states.append(health.state)
    assert states == ["healthy", "healthy", "unhealthy", "unhealthy", "unhealthy", "healthy"]


def registered(group: str, *addresses: str, port: int = 80) -> None:
    alb.set_targets_for_group(group, [(address, port) for address in addresses])


def test_registered_targets_are_checked(server: Server) -> None:
    _, group = make_balancer(server.port)
    registered(group, HERE, port=server.port)
    targets.run_due_checks(time.monotonic())
    wait_for(lambda: targets.state(group, HERE) == "healthy")


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert condition()


def test_a_deregistered_target_stays_while_it_has_requests() -> None:
    _, group = make_balancer(80)
    key = (group, "10.0.0.1")
    targets.known[key] = Health("healthy")
    targets.busy[key] = 1
    targets.run_due_checks(100)
    assert targets.state(*key) == "draining"
    targets.busy.clear()
    targets.run_due_checks(101)
    assert key not in targets.known


def test_a_deregistered_target_stays_no_longer_than_its_delay() -> None:
    _, group = make_balancer(80)
    key = (group, "10.0.0.1")
    alb._tg_attrs[group] = [{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}]
    targets.known[key], targets.busy[key] = Health("healthy"), 1
    targets.run_due_checks(100)
    targets.run_due_checks(129)
    assert key in targets.known
    targets.run_due_checks(130)
    assert key not in targets.known


def test_target_health_is_described_with_its_reason() -> None:
    _, group = make_balancer(80)
    registered(group, "10.0.0.1", "10.0.0.2")
    targets.known[group, "10.0.0.1"] = Health("unhealthy", "Request timed out")
    _, _, body = alb._describe_target_health({"TargetGroupArn": [group]})
    assert b"<State>unhealthy</State><Reason>Target.FailedHealthChecks</Reason>" in body
    assert b"Request timed out" in body
    assert b"<State>initial</State><Reason>Elb.InitialHealthChecking</Reason>" in body


def test_requests_go_to_healthy_targets_only(server: Server) -> None:
    _, group = make_balancer(server.port)
    registered(group, HERE, "192.0.2.1", port=server.port)
    targets.known[group, HERE] = Health("healthy")
    targets.known[group, "192.0.2.1"] = Health("unhealthy")
    assert [ask("GET", "/x", host="myapp.elb.localhost").status for _ in range(4)] == [200] * 4


def test_requests_go_to_all_targets_if_none_is_healthy(server: Server) -> None:
    _, group = make_balancer(server.port)
    registered(group, HERE, port=server.port)
    targets.known[group, HERE] = Health("unhealthy")
    assert ask("GET", "/x", host="myapp.elb.localhost").status == 200


def test_the_load_balancer_forwards_request_and_answer_unchanged(server: Server) -> None:
    _, group = make_balancer(server.port)
    registered(group, HERE, port=server.port)
    answered = ask("GET", "/a%20b", query="c=%20d", host="myapp.elb.localhost")
    assert server.asked == ["/a%20b?c=%20d"]
    assert (answered.body, answered.finished) == (b"hello", True)
    assert [v for k, v in answered.headers if k == "set-cookie"] == ["a=1", "b=2"]
    assert not targets.busy


def test_a_load_balancer_without_targets_answers_503() -> None:
    balancer, _ = make_balancer(80)
    assert ask("GET", "/", host="myapp.elb.localhost").status == 503
    assert traffic.counts[balancer] == {"requests": 1, "5xx": 1, "balancer503": 1}


def test_a_load_balancer_answers_502_if_the_target_refuses() -> None:
    balancer, group = make_balancer(1)
    registered(group, HERE, port=1)
    assert ask("GET", "/", host="myapp.elb.localhost").status == 502
    assert traffic.counts[balancer]["balancer502"] == 1
    assert not targets.busy


def test_a_load_balancer_answers_504_if_the_target_hangs(silent: int) -> None:
    balancer, group = make_balancer(silent)
    alb._lb_attrs[balancer] = [{"Key": "idle_timeout.timeout_seconds", "Value": "0.05"}]
    registered(group, HERE, port=silent)
    assert ask("GET", "/", host="myapp.elb.localhost").status == 504
    assert not targets.busy
