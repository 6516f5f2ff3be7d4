"""CloudWatch's alarms: their definitions in a template, and their states from the metrics."""

from __future__ import annotations

import logging
import operator
import threading
import time
from collections.abc import Callable

from ministack.core.responses import request_scope
from ministack.services import cloudwatch
from ministack.services.cloudformation import provisioners

from rehearsal.aws import settings
from rehearsal.aws.patches import replaces
from rehearsal.aws.records import Json
from rehearsal.aws.statistics import Window, evaluate, last_periods, period_of, samples
from rehearsal.aws.templates import shape, to_api

log = logging.getLogger("rehearsal.alarms")
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
# CloudWatch reads more periods than an alarm evaluates, in AWS's example five for three. AWS does
# not document how many more.
MORE_PERIODS = 2
# Fields that only an alarm on one metric has, not one on an expression.
SINGLE = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Dimensions", "Unit")


@replaces(provisioners, "_cw_metric_alarm_record")
def alarm(original: Callable[[str, Json], Json], name: str, properties: Json) -> Json:
    """AWS takes an alarm on an expression over several metrics; ministack refuses it.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Create-alarm-on-metric-math-expression.html
    """
    wanted = to_api(properties, shape("PutMetricAlarm", "cloudwatch"))
    if not wanted.get("Metrics"):
        record = original(name, properties)
    else:
        single = {k: v for k, v in properties.items() if k != "Metrics"}
        record = original(name, {"MetricName": "-", "Namespace": "-", **single})
        for part in (*SINGLE, "Period"):
            record.pop(part)
        record["Metrics"] = wanted["Metrics"]
    for part in ("EvaluateLowSampleCountPercentile", "DatapointsToAlarm"):
        if part in wanted:
            record[part] = wanted[part]
    return record


def queries(record: Json) -> list[Json]:
    """Return the metrics of an alarm as queries of GetMetricData; the first is the result."""
    if record.get("Metrics"):
        every: list[Json] = record["Metrics"]
        return sorted(every, key=lambda query: query.get("ReturnData", True) is False)
    metric = {part: record[part] for part in ("Namespace", "MetricName", "Dimensions")}
    statistic = record.get("ExtendedStatistic") or record["Statistic"]
    period = record["Period"]
    return [{"Id": "m", "MetricStat": {"Metric": metric, "Stat": statistic, "Period": period}}]


def too_few(record: Json, window: Window) -> bool:
    """Return whether an alarm must ignore a percentile because of too few values.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html
    """
    percentile = float((record.get("ExtendedStatistic") or "p0").lstrip("p") or 0) / 100
    if record.get("EvaluateLowSampleCountPercentile") != "ignore" or not percentile:
        return False
    needed = 10 / (1 - percentile) if percentile >= 0.5 else 10 / percentile
    counts = samples(queries(record)[0]["MetricStat"]["Metric"], window)
    return any(count < needed for count in counts.values())


def state_of(record: Json, values: list[float | None]) -> str:
    """Return the state of an alarm for the values of the last periods; None is a missing value.

    The newest values that are there count. Only where they are fewer than the alarm's periods, it
    matters how the alarm treats missing ones:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
    """
    compare = COMPARISONS[record["ComparisonOperator"]]
    known = [value for value in values if value is not None][-record["EvaluationPeriods"] :]
    missing = record["EvaluationPeriods"] - len(known)
    treat = record.get("TreatMissingData", "missing")
    breaching = sum(compare(value, record["Threshold"]) for value in known)
    if treat == "breaching":
        breaching += missing
    if breaching >= (record.get("DatapointsToAlarm") or record["EvaluationPeriods"]):
        return "ALARM"
    if not known and treat in ("missing", "ignore"):
        return "INSUFFICIENT_DATA" if treat == "missing" else str(record["StateValue"])
    return "OK"


def evaluate_alarm(record: Json, now: float) -> None:
    """Update the state of an alarm from its last periods, and send its notifications."""
    asked = queries(record)
    window = last_periods(record["EvaluationPeriods"] + MORE_PERIODS, period_of(asked), now)
    if too_few(record, window):
        return
    found = evaluate(asked, window)[asked[0]["Id"]]
    values = [found.get(n) if isinstance(found, dict) else found for n in window.periods()]
    state, before = state_of(record, values), record["StateValue"]
    if state == before:
        return
    shown = ", ".join("missing" if value is None else f"{value:g}" for value in values)
    reason = f"{record['ComparisonOperator']} {record['Threshold']:g}: {shown}"
    record |= {"StateValue": state, "StateReason": reason, "StateUpdatedTimestamp": int(now)}
    cloudwatch._record_history(record["AlarmName"], before, state, reason)
    cloudwatch._dispatch_alarm_actions(record, before, state, reason)


def start() -> None:
    threading.Thread(target=run, name="alarms", daemon=True).start()


def run() -> None:
    while True:
        time.sleep(min(5, max(1, 10 / settings.CLOCK)))
        for (account, region, name), record in cloudwatch._alarms.all_items():
            with request_scope(account, region):
                try:
                    evaluate_alarm(record, time.time())
                except Exception:
                    log.exception("alarm %s", name)


@replaces(cloudwatch, "_evaluate_alarm")
def evaluate_when_told(original: Callable[[Json], None], record: Json) -> None:
    """AWS evaluates each period, also missing values; ministack evaluates all values together.

    The thread above evaluates the alarms, so this does nothing when a metric or alarm is put.
    """


def in_alarm(names: list[str]) -> list[str]:
    """Return which of these alarms are in ALARM."""
    states = {name: (cloudwatch._alarms.get(name) or {}).get("StateValue") for name in names}
    return [name for name, state in states.items() if state == "ALARM"]


def evaluated_seconds(names: list[str]) -> float:
    """Return how long these alarms look back at most, by the rehearsal's clock."""
    records = [record for name in names if (record := cloudwatch._alarms.get(name))]
    periods = [r["EvaluationPeriods"] * period_of(queries(r)) for r in records]
    return float(max(periods, default=0) / settings.CLOCK)
