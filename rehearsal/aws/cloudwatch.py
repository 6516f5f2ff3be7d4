"""CloudWatch's GetMetricData and GetMetricStatistics, with metric math and our own clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ministack.services import cloudwatch

from rehearsal.aws.expressions import ExpressionError
from rehearsal.aws.patches import replaces
from rehearsal.aws.records import Answer, Json
from rehearsal.aws.statistics import Window, evaluate, period_of, points, series

Handler = Callable[..., Answer]


def nested(parameters: dict[str, list[str]]) -> Json:
    """Return the flat parameters of the query protocol as a nested structure.

    MetricDataQueries.member.1.Id=a is {"MetricDataQueries": [{"Id": "a"}]}.
    """
    tree: Json = {}
    for name, values in parameters.items():
        here, steps = tree, name.split(".")
        for step in steps[:-1]:
            here = here.setdefault(step, {})
        here[steps[-1]] = values[0] if isinstance(values, list) else values
    return flat(tree)  # type: ignore[no-any-return]


def flat(tree: Any) -> Any:
    if not isinstance(tree, dict):
        return tree
    if set(tree) == {"member"}:
        return [flat(tree["member"][key]) for key in sorted(tree["member"], key=int)]
    return {key: flat(value) for key, value in tree.items()}


def asked(parameters: Json, data: Json, is_cbor: bool, is_json: bool) -> tuple[Json, Window]:
    """Return a request of either protocol, and the time to which it refers."""
    request = data if is_cbor or is_json else nested(parameters)
    queries = request.get("MetricDataQueries") or []
    for query in queries:
        query["ReturnData"] = str(query.get("ReturnData", True)).lower() != "false"
    period = int(request.get("Period") or period_of(queries))
    now = time.time()
    start = cloudwatch._parse_ts(request.get("StartTime"))
    end = cloudwatch._parse_ts(request.get("EndTime"))
    return request, Window(start or now - 3600, end or now, period, now)


def answered(result: Json, action: str, inner: str, is_cbor: bool, is_json: bool) -> Answer:
    """Return a result in the protocol of the request."""
    if is_cbor:
        return cloudwatch._cbor_ok(result)  # type: ignore[no-any-return]
    if is_json:
        return cloudwatch._json_ok(result)  # type: ignore[no-any-return]
    text = f"<{action}Result>{inner}</{action}Result>"
    return cloudwatch._xml(200, f"{action}Response", text)  # type: ignore[no-any-return]


def members(tag: str, values: list[Any]) -> str:
    return f"<{tag}>{''.join(f'<member>{value}</member>' for value in values)}</{tag}>"


@replaces(cloudwatch, "_get_metric_data")
def get_metric_data(
    original: Handler, parameters: Json, data: Json, is_cbor: bool, is_json: bool = False
) -> Answer:
    """AWS evaluates expressions; ministack refuses them.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
    """
    request, window = asked(parameters, data, is_cbor, is_json)
    queries = request.get("MetricDataQueries") or []
    try:
        values = evaluate(queries, window)
    except ExpressionError as error:
        named: Json = {"use_json": is_json, "use_cbor": is_cbor}
        return cloudwatch._error("ValidationError", str(error), 400, **named)  # type: ignore[no-any-return]
    results: list[Json] = []
    inner = ""
    for query in queries:
        if not query["ReturnData"]:
            continue
        found = values[query["Id"]]
        if not isinstance(found, dict):
            found = dict.fromkeys(window.periods(), found)
        # The newest first by default.
        order = request.get("ScanBy", "TimestampDescending") == "TimestampDescending"
        numbers = sorted(found, reverse=order)
        times = [cloudwatch._ts_iso(round(window.timestamp(number))) for number in numbers]
        label = query.get("Label", query["Id"])
        result = {"Id": query["Id"], "Label": label, "StatusCode": "Complete"}
        inner += "<member>" + "".join(f"<{k}>{v}</{k}>" for k, v in result.items())
        inner += members("Timestamps", times)
        inner += members("Values", [found[number] for number in numbers]) + "</member>"
        result |= {"Timestamps": times, "Values": [found[number] for number in numbers]}
        results.append(cloudwatch._cbor_metric_data_result(result) if is_cbor else result)
    inner = f"<MetricDataResults>{inner}</MetricDataResults>"
    return answered({"MetricDataResults": results}, "GetMetricData", inner, is_cbor, is_json)


@replaces(cloudwatch, "_get_metric_statistics")
def get_metric_statistics(
    original: Handler, parameters: Json, data: Json, is_cbor: bool, is_json: bool = False
) -> Answer:
    """AWS has real minutes; here, as in the rehearsal's clock, they are shorter."""
    request, window = asked(parameters, data, is_cbor, is_json)
    wanted = [*(request.get("Statistics") or []), *(request.get("ExtendedStatistics") or [])]
    figures = {statistic: series(request, statistic, window) for statistic in wanted}
    datapoints: list[Json] = []
    inner = ""
    for number, measured in sorted(points(request, window).items()):
        found: Json = {"Timestamp": cloudwatch._ts_iso(round(window.timestamp(number)))}
        found["Unit"] = measured[0]["Unit"]
        extended: Json = {}
        for statistic, values in figures.items():
            if number in values:
                part = extended if statistic.startswith("p") else found
                part[statistic] = values[number]
        inner += "<member>" + "".join(f"<{k}>{v}</{k}>" for k, v in found.items())
        entries = (f"<entry><key>{k}</key><value>{v}</value></entry>" for k, v in extended.items())
        inner += f"<ExtendedStatistics>{''.join(entries)}</ExtendedStatistics></member>"
        if extended:
            found["ExtendedStatistics"] = extended
        datapoints.append(cloudwatch._cbor_datapoint(found) if is_cbor else found)
    label = request["MetricName"]
    inner = f"<Datapoints>{inner}</Datapoints><Label>{label}</Label>"
    result: Json = {"Datapoints": datapoints, "Label": label}
    return answered(result, "GetMetricStatistics", inner, is_cbor, is_json)
