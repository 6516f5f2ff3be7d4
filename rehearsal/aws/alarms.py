"""CloudWatch's alarms: what a template says of them, metric math included."""

from __future__ import annotations

from collections.abc import Callable

from ministack.services.cloudformation import provisioners

from rehearsal.aws.patches import replaces
from rehearsal.aws.records import Json
from rehearsal.aws.templates import shape, to_api

# What an alarm on one metric has, and one on an expression hasn't.
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
