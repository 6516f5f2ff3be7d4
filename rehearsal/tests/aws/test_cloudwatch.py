"""Metrics from traffic, GetMetricData, and alarms."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from ministack.services import alb, cloudwatch
from ministack.services.cloudformation import provisioners

from rehearsal.aws import alarms, statistics
from rehearsal.aws.metrics import Collector, point
from rehearsal.aws.records import Json
from rehearsal.aws.statistics import Window, last_periods
from rehearsal.aws.targets import Health, targets
from rehearsal.aws.traffic import Exchange
from rehearsal.tests.aws.conftest import make_balancer

BALANCER = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/myapp/1"
GROUP = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/myapp/2"
DIMENSIONS = [{"Name": "LoadBalancer", "Value": "app/myapp/1"}]
NOW = 600_000.0
# A time at which values from the minute before NOW are published, and alarms still evaluate them.
LATER = NOW + 120


def measured(
    name: str, *values: float, at: float = NOW - 50, dimension: str = "app/myapp/1"
) -> None:
    key = ("AWS/ApplicationELB", name, f"LoadBalancer={dimension}")
    for value in values:
        cloudwatch._metric_bucket(key).append(
            point(name, {"LoadBalancer": dimension}, value, 1, at)
        )


def metric(name: str) -> Json:
    return {"Namespace": "AWS/ApplicationELB", "MetricName": name, "Dimensions": DIMENSIONS}


def figure(name: str, statistic: str = "Sum") -> list[float]:
    window = Window(NOW - 300, NOW, 60, NOW + 180, clock=1)
    return list(statistics.series(metric(name), statistic, window).values())


def collected(*exchanges: Exchange) -> None:
    collector = Collector()
    for exchange in exchanges:
        collector.take(exchange)
    collector.write(NOW - 1)


def test_traffic_is_counted_in_the_metrics_of_aws() -> None:
    collected(
        Exchange(BALANCER, GROUP, 200, 0.1, routed=True),
        Exchange(BALANCER, GROUP, 500, 0.3, routed=True),
        Exchange(BALANCER, GROUP, 502, None, routed=True),
        Exchange(BALANCER, GROUP, 503, None, routed=False),
    )
    assert figure("RequestCount") == [3]
    assert figure("HTTPCode_Target_2XX_Count") == [1]
    assert figure("HTTPCode_Target_5XX_Count") == [1]
    assert figure("HTTPCode_ELB_5XX_Count") == [2]
    assert figure("HTTPCode_ELB_503_Count") == [1]
    assert figure("TargetResponseTime", "Average") == [0.2]


def test_a_percentile_is_computed_from_all_answers() -> None:
    collected(*(Exchange(BALANCER, GROUP, 200, n / 100, routed=True) for n in range(1, 101)))
    assert figure("TargetResponseTime", "p95") == [pytest.approx(0.9505)]


def test_hosts_are_counted_by_health() -> None:
    balancer, group = make_balancer(80)
    alb.set_targets_for_group(group, [("10.0.0.1", 80), ("10.0.0.2", 80), ("10.0.0.3", 80)])
    targets.known[group, "10.0.0.1"] = Health("healthy")
    targets.known[group, "10.0.0.2"] = Health("unhealthy")
    targets.known[group, "10.0.0.3"] = Health("initial")
    collector = Collector()
    collector.count_hosts()
    (counted,) = collector.values.values()
    assert {name: list(values) for (name, _), values in counted.items()} == {
        "HealthyHostCount": [1],
        "UnHealthyHostCount": [1],
    }
    assert balancer in collector.values


def test_old_values_are_deleted() -> None:
    measured("RequestCount", 1, at=NOW - 4 * 3600)
    collected(Exchange(BALANCER, GROUP, 200, 0.1, routed=True))
    key = ("AWS/ApplicationELB", "RequestCount", "LoadBalancer=app/myapp/1")
    assert [p["Timestamp"] for p in cloudwatch._metrics[key]] == [NOW - 1]


def test_a_load_balancer_has_only_its_own_values() -> None:
    measured("RequestCount", 1, dimension="app/other/1")
    assert figure("RequestCount") == []


@pytest.mark.parametrize("clock", [1, 10])
def test_a_faster_clock_shortens_periods_but_not_their_timestamps(clock: float) -> None:
    for minute in range(5):
        measured("RequestCount", minute, at=NOW - (minute * 60 + 210) / clock)
    window = Window(NOW - 480, NOW - 180, 60, NOW, clock)
    found = statistics.series(metric("RequestCount"), "Sum", window)
    assert list(found.values()) == [4, 3, 2, 1, 0]
    begins = [round(window.timestamp(number) - NOW) for number in found]
    assert begins == [-480, -420, -360, -300, -240]


@pytest.mark.parametrize("passed", [0, 0.3, 1.1, 1.9])
def test_the_first_period_contains_the_start_of_the_window(passed: float) -> None:
    """Three minutes after its end, a minute has all its values, at any speed of the clock."""
    now = NOW + passed
    start = now - 4 * 60 - (now % 60)
    window = Window(start, start + 60, 60, now, clock=30)
    first = window.periods()[0]
    assert window.timestamp(first) == start
    assert 0 <= window.real(start) + 0.001 - first * window.length < window.length


@pytest.mark.parametrize("clock", [1, 10])
@pytest.mark.parametrize("name", ["RequestCount", "HTTPCode_Target_5XX_Count"])
def test_values_are_published_one_to_three_minutes_late(name: str, clock: float) -> None:
    late = set()
    for second in range(0, 120, 10):
        moment = NOW + second / clock
        end = NOW + (second // 60 + 1) * 60 / clock
        late.add(round((statistics.published(name, moment, clock) - end) * clock / 60))
    assert late == {1, 2, 3}


def test_unpublished_values_are_not_returned() -> None:
    measured("RequestCount", 5, 7)
    window = Window(NOW - 60, NOW, 60, NOW, clock=1)
    assert statistics.series(metric("RequestCount"), "Sum", window) == {}


def test_an_alarm_evaluates_complete_periods() -> None:
    window = last_periods(2, 60, NOW + 59, clock=1)
    assert [number * 60 for number in window.periods()] == [NOW - 120, NOW - 60]


def alarm(**changes: Any) -> Json:
    return {
        "AlarmName": "a",
        "StateValue": "OK",
        "StateReason": "",
        "Threshold": 5.0,
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 3,
        "Statistic": "Sum",
        "Period": 60,
        **metric("RequestCount"),
        **changes,
    }


@pytest.mark.parametrize(
    ("values", "treat", "state"),
    [
        ([6, 6, 6], "missing", "ALARM"),
        ([6, 5, 6], "missing", "OK"),
        ([None, None, None], "missing", "INSUFFICIENT_DATA"),
        ([None, None, None], "notBreaching", "OK"),
        ([None, None, None], "breaching", "ALARM"),
        ([None, None, None], "ignore", "OK"),
        ([6, None, 6], "breaching", "ALARM"),
        ([6, None, 6], "notBreaching", "OK"),
        ([6, 6, 6, None, None], "notBreaching", "ALARM"),
        ([1, 6, None, 6, 6], "notBreaching", "ALARM"),
        ([6, 6, None, None, None], "notBreaching", "OK"),
    ],
)
def test_an_alarm_evaluates_each_period_and_missing_values(
    values: list[float | None], treat: str, state: str
) -> None:
    assert alarms.state_of(alarm(TreatMissingData=treat), values) == state


def test_an_alarm_may_need_only_some_of_its_periods() -> None:
    assert alarms.state_of(alarm(DatapointsToAlarm=2), [6, 1, 6]) == "ALARM"


def test_an_alarm_changes_its_state_with_a_reason() -> None:
    record = alarm(EvaluationPeriods=1)
    measured("RequestCount", 6)
    alarms.evaluate_alarm(record, LATER)
    assert record["StateValue"] == "ALARM"
    assert record["StateReason"] == "GreaterThanThreshold 5: 6, missing, missing"
    (entry,) = cloudwatch._history_entries()
    assert entry["HistorySummary"] == "Alarm updated from OK to ALARM"


def test_an_alarm_ignores_a_percentile_of_few_values() -> None:
    record = alarm(
        **metric("TargetResponseTime"),
        ExtendedStatistic="p95",
        EvaluationPeriods=1,
        Threshold=0.5,
        EvaluateLowSampleCountPercentile="ignore",
    )
    measured("TargetResponseTime", *[1.0] * 199)
    alarms.evaluate_alarm(record, LATER)
    assert record["StateValue"] == "OK"
    measured("TargetResponseTime", 1.0)
    alarms.evaluate_alarm(record, LATER)
    assert record["StateValue"] == "ALARM"


PROPERTIES: Json = {
    "AlarmName": "rate",
    "ComparisonOperator": "GreaterThanThreshold",
    "Threshold": "5",
    "EvaluationPeriods": "1",
    "TreatMissingData": "notBreaching",
    "Metrics": [
        {"Id": "half", "Expression": "double / 4"},
        {"Id": "double", "Expression": "counted * 2", "ReturnData": "false"},
        {
            "Id": "counted",
            "ReturnData": "false",
            "MetricStat": {"Metric": metric("RequestCount"), "Period": "60", "Stat": "Sum"},
        },
    ],
}


def test_a_template_can_create_an_alarm_on_an_expression() -> None:
    provisioners._cw_metric_alarm_put("rate", PROPERTIES)
    record = cloudwatch._alarms["rate"]
    assert "MetricName" not in record
    assert record["Metrics"][2]["MetricStat"]["Period"] == 60
    measured("RequestCount", 12)
    alarms.evaluate_alarm(record, LATER)
    assert record["StateValue"] == "ALARM"


def test_get_metric_data_evaluates_expressions() -> None:
    now = time.time()
    measured("RequestCount", 8, at=now - 300)
    request = {
        "StartTime": now - 600,
        "EndTime": now,
        "MetricDataQueries": PROPERTIES["Metrics"],
    }
    _, _, body = cloudwatch._get_metric_data({}, request, False, is_json=True)
    (result,) = json.loads(body)["MetricDataResults"]
    assert (result["Id"], result["Values"]) == ("half", [4])


def test_get_metric_data_supports_the_query_protocol() -> None:
    now = time.time()
    measured("RequestCount", 8, at=now - 300)
    query = "MetricDataQueries.member.1"
    parameters = {
        "StartTime": [str(now - 600)],
        "EndTime": [str(now)],
        f"{query}.Id": ["m"],
        f"{query}.MetricStat.Stat": ["Sum"],
        f"{query}.MetricStat.Period": ["60"],
        f"{query}.MetricStat.Metric.Namespace": ["AWS/ApplicationELB"],
        f"{query}.MetricStat.Metric.MetricName": ["RequestCount"],
        f"{query}.MetricStat.Metric.Dimensions.member.1.Name": ["LoadBalancer"],
        f"{query}.MetricStat.Metric.Dimensions.member.1.Value": ["app/myapp/1"],
    }
    _, _, body = cloudwatch._get_metric_data(parameters, {}, False)
    assert b"<Values><member>8.0</member></Values>" in body


def test_an_invalid_expression_is_a_validation_error() -> None:
    request = {"MetricDataQueries": [{"Id": "x", "Expression": "y +"}]}
    status, _, body = cloudwatch._get_metric_data({}, request, False, is_json=True)
    assert status == 400
    assert b"ValidationError" in body


def test_get_metric_statistics_returns_percentiles() -> None:
    now = time.time()
    measured("TargetResponseTime", 0.1, 0.3, at=now - 300)
    request = {
        **metric("TargetResponseTime"),
        "StartTime": now - 600,
        "EndTime": now,
        "Period": 60,
        "Statistics": ["Average"],
        "ExtendedStatistics": ["p50"],
    }
    _, _, body = cloudwatch._get_metric_statistics({}, request, False, is_json=True)
    (datapoint,) = json.loads(body)["Datapoints"]
    assert datapoint["Average"] == datapoint["ExtendedStatistics"]["p50"] == 0.2
