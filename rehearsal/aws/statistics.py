"""A metric's values by period, and expressions over them, for GetMetricData and alarms.

With REHEARSAL_CLOCK=10 a minute of CloudWatch takes six seconds: a request for the last five
minutes returns the last thirty seconds, as five periods of a minute.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from ministack.services import cloudwatch

from rehearsal.aws import settings
from rehearsal.aws.expressions import Evaluation, ExpressionError, Series, Value
from rehearsal.aws.records import Json

# The tolerance for a moment at the start of a period.
ROUNDING = 1e-3
MINUTE = 60


@dataclass(frozen=True)
class Window:
    """Periods from start to end, in CloudWatch's seconds; now is the same in both clocks."""

    start: float
    end: float
    period: int
    now: float
    clock: float = settings.CLOCK

    def real(self, moment: float) -> float:
        """Return the real time of a moment in CloudWatch's clock."""
        return self.now - (self.now - moment) / self.clock

    @property
    def length(self) -> float:
        """Return the real length of a period in seconds."""
        return self.period / self.clock

    @property
    def first(self) -> int:
        """The number of the period that the start is in."""
        return math.floor((self.real(self.start) + ROUNDING) / self.length)

    def periods(self) -> list[int]:
        """Return the numbers of the periods that the window touches."""
        last = math.ceil((self.real(self.end) - ROUNDING) / self.length)
        return list(range(self.first, last))

    def timestamp(self, number: int) -> float:
        """Return the start of a period in CloudWatch's seconds."""
        return (self.start // self.period + number - self.first) * self.period


def last_periods(count: int, period: int, now: float, clock: float = settings.CLOCK) -> Window:
    """Return a window of the last complete periods."""
    length = period / clock
    end = (now // length) * length
    shown = now - (now - end) * clock
    return Window(shown - count * period, shown, period, now, clock)


def published(name: str, moment: float, clock: float) -> float:
    """Return when a metric's value of a moment can be read: one to three minutes after its minute.

    The second half of a minute is published after the first half, and the metrics at different
    times, so the newest minute is incomplete. AWS documents no delay, but warns of FILL with it:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
    """
    length = MINUTE / clock
    minute, part = divmod(moment / length, 1)
    late = 1 + (zlib.crc32(name.encode()) + int(minute)) % 2 + (part >= 0.5)
    return (minute + 1 + late) * length


def points(metric: Json, window: Window) -> dict[int, list[Json]]:
    """Return the measurements, by period."""
    wanted = cloudwatch._dims_from_list(metric.get("Dimensions") or [])
    key = (metric["Namespace"], metric["MetricName"], cloudwatch._dims_key(wanted))
    periods = set(window.periods())
    found: dict[int, list[Json]] = {}
    for point in list(cloudwatch._metrics.get(key) or []):
        moment = point["Timestamp"]
        number = int(moment // window.length)
        if number not in periods:
            continue
        if published(metric["MetricName"], moment, window.clock) <= window.now:
            found.setdefault(number, []).append(point)
    return found


def series(metric: Json, statistic: str, window: Window) -> Series:
    """Return a statistic of a metric for each period that has one."""
    found: Series = {}
    for number, measured in points(metric, window).items():
        figures = cloudwatch._calc_stats(measured)
        value = cloudwatch._stat_value(figures, statistic, measured)
        if value is not None:
            found[number] = float(value)
    return dict(sorted(found.items()))


def samples(metric: Json, window: Window) -> dict[int, float]:
    """Return the number of values in each period."""
    return {
        number: cloudwatch._calc_stats(measured)["SampleCount"]
        for number, measured in points(metric, window).items()
    }


def evaluate(queries: Sequence[Json], window: Window) -> dict[str, Value]:
    """Return the value of each of GetMetricData's queries, or of an alarm's, by its Id.

    An expression may use another that stands after it.
    """
    values: dict[str, Value] = {}
    waiting = list(queries)
    while waiting:
        left = []
        for query in waiting:
            known = {other["Id"] for other in queries}
            names = set(re.findall(r"[a-z]\w*", query.get("Expression", ""))) & known
            if stat := query.get("MetricStat"):
                values[query["Id"]] = series(stat["Metric"], stat["Stat"], window)
            elif names <= values.keys():
                evaluation = Evaluation(window.periods(), values)
                values[query["Id"]] = evaluation.value(query["Expression"])
            else:
                left.append(query)
        if len(left) == len(waiting):
            raise ExpressionError(f"{left[0]['Id']} depends on itself")
        waiting = left
    return values


def period_of(queries: Sequence[Json]) -> int:
    """Return the common period of queries."""
    periods = [q["MetricStat"].get("Period", 60) for q in queries if q.get("MetricStat")]
    return int(max(periods, default=60))
