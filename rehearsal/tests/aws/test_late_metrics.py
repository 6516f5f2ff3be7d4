"""The alarms of infra/monitoring.yaml work although load balancers publish metrics late."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from ministack.services import cloudwatch
from ministack.services.cloudformation import engine, provisioners

from rehearsal.aws import alarms
from rehearsal.aws.metrics import NAMESPACE, point
from rehearsal.aws.records import Json
from rehearsal.paths import ROOT

MINUTE = 60
BEGIN = 600_000.0
BALANCER = {"LoadBalancer": "app/myapp-staging/1"}
GROUP = {**BALANCER, "TargetGroup": "targetgroup/myapp-staging/2"}
TEMPLATE = engine._parse_template((ROOT / "infra" / "monitoring.yaml").read_text())


def measure(name: str, value: float, count: int, at: float, dimensions: dict[str, str]) -> None:
    key = (NAMESPACE, name, cloudwatch._dims_key(dimensions))
    cloudwatch._metric_bucket(key).append(point(name, dimensions, value, count, at))


def answers(at: float, failed: int = 0, seconds: float = 0.1, count: int = 200) -> None:
    measure("RequestCount", 1, count, at, BALANCER)
    measure("TargetResponseTime", seconds, count, at, BALANCER)
    if failed:
        measure("HTTPCode_Target_5XX_Count", 1, failed, at, BALANCER)


def hosts(at: float, unhealthy: int) -> None:
    measure("UnHealthyHostCount", unhealthy, 1, at, GROUP)


# For each alarm: a function that measures a bad or good moment, and the minutes until the alarm.
Trouble = Callable[[float, bool], None]
KINDS: dict[str, tuple[Trouble, int]] = {
    "ErrorsAbove5Percent": (lambda at, bad: answers(at, failed=200 * bad), 5),
    "ErrorsAbove1Percent": (lambda at, bad: answers(at, failed=4 * bad), 5),
    "SlowAnswers": (lambda at, bad: answers(at, seconds=0.8 if bad else 0.1), 5),
    "UnhealthyTargets": (lambda at, bad: hosts(at, unhealthy=int(bad)), 2),
}
every_kind = pytest.mark.parametrize("name", KINDS)


def alarm(name: str) -> Json:
    given = {"LoadBalancerName": BALANCER["LoadBalancer"], "TargetGroupName": GROUP["TargetGroup"]}
    parameters = {key: {"Value": value} for key, value in given.items()}
    parameters["Environment"] = {"Value": "staging"}
    resource = TEMPLATE["Resources"][name]["Properties"]
    properties = engine._resolve_refs(resource, {}, parameters, {}, {}, "monitoring", "1")
    properties["AlarmActions"] = properties["OKActions"] = []
    provisioners._cw_metric_alarm_put(name, properties)
    found: Json = cloudwatch._alarms[name]
    return found


def states(name: str, bad: list[bool], act: Trouble | None = None) -> Iterator[tuple[int, str]]:
    """Yield the minute and the alarm's state every ten seconds; `bad` has a value per minute."""
    record = alarm(name)
    for number, is_bad in enumerate(bad):
        for second in (10, 40):
            (act or KINDS[name][0])(BEGIN + number * MINUTE + second, is_bad)
    for second in range(0, len(bad) * MINUTE, 10):
        alarms.evaluate_alarm(record, BEGIN + second)
        yield second // MINUTE, record["StateValue"]


@every_kind
@pytest.mark.parametrize("more", [0, 2])
def test_an_alarm_starts_within_four_minutes_of_its_limit_and_stays_on(
    name: str, more: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of periods that AWS evaluates is unknown, so more periods change nothing."""
    monkeypatch.setattr(alarms, "MORE_PERIODS", more)
    minutes = KINDS[name][1]
    seen = list(states(name, [False] * 5 + [True] * 20))
    first = next(n for n, (_, state) in enumerate(seen) if state == "ALARM")
    assert 5 + minutes < seen[first][0] <= 5 + minutes + 4
    assert {state for _, state in seen[first:]} == {"ALARM"}


@every_kind
def test_a_problem_shorter_than_the_limit_is_no_alarm(name: str) -> None:
    minutes = KINDS[name][1]
    seen = states(name, [False] * 5 + [True] * (minutes - 1) + [False] * 15)
    assert "ALARM" not in {state for _, state in seen}


@every_kind
def test_an_alarm_ends_after_the_problem_ends(name: str) -> None:
    seen = list(states(name, [False] * 5 + [True] * 10 + [False] * 15))
    assert (seen[0][1], seen[-1][1]) == ("OK", "OK")
    assert "ALARM" in {state for _, state in seen}


@pytest.mark.parametrize(("count", "state"), [(9, "OK"), (10, "ALARM")])
def test_a_minute_with_fewer_than_twenty_answers_does_not_count_as_slow(
    count: int, state: str
) -> None:
    def few(at: float, bad: bool) -> None:
        answers(at, seconds=3.0, count=count)

    *_, (_, last) = states("SlowAnswers", [True] * 20, few)
    assert last == state


def test_errors_of_the_load_balancer_alone_raise_an_alarm() -> None:
    def nobody_answers(at: float, bad: bool) -> None:
        measure("HTTPCode_ELB_5XX_Count", 1, 3, at, BALANCER)

    *_, (_, last) = states("ErrorsAbove5Percent", [True] * 20, nobody_answers)
    assert last == "ALARM"
