"""Watch a deployment for some minutes, and decide whether to keep it, by the guide's section 8.

Roll back: over 5 % of answers were 5xx in each of 5 minutes (or of all, if fewer are watched), a
task failed its health check for 2 minutes, or ECS itself rolled back. Investigate: over 1 % were
5xx, or the 95th percentile was above 500 ms, or it rose by a fifth and 50 ms.

Load balancers publish a minute's metrics late and not all at once, so a minute without metrics is
unknown, not quiet. The verdict waits until the metrics of the last minute have had three minutes.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median
from typing import Any

from delivery.aws.ecs import Service, primary, short
from delivery.command import run
from delivery.environments import ENVIRONMENTS
from delivery.errors import Failure
from delivery.workflow import output, summary

GOOD, INVESTIGATE, ROLL_BACK = "good", "investigate", "roll back"
CODES = {GOOD: 0, INVESTIGATE: 3, ROLL_BACK: 4}
CODES_HELP = """\
Exit code 0: good; 3: investigate; 4: roll back; 1: nothing could be watched; 2: wrong usage.
The default of AWS_REGION is in infra/parameters/ENVIRONMENT.json."""

MINUTE = 60
MANY_ERRORS, SOME_ERRORS = 5.0, 1.0  # percent
ERROR_MINUTES, UNHEALTHY_MINUTES = 5, 2
# Minutes after its end in which the figures of a minute may still come: infra/monitoring.yaml.
LATE_MINUTES = 3
SLOW_SECONDS = 0.5
# A rise by a fifth of a few milliseconds may be chance.
WORSE, NOTICEABLE_SECONDS = 1.2, 0.05
# Three requests have no meaningful 95th percentile.
ENOUGH_REQUESTS = 20
MINUTES_BEFORE = 15


@dataclass(frozen=True)
class Minute:
    """The figures of a minute in CloudWatch; a figure may be missing."""

    figures: dict[str, float]

    def __str__(self) -> str:
        if not self.figures:
            return "no figures yet"
        if not self.requests:
            traffic = "no requests"
        else:
            traffic = f"{self.requests:.0f} requests, {self.error_percent:.1f} % failed"
        parts = [traffic, f"{self.unhealthy:.0f} unhealthy"]
        if (p95 := self.figures.get("p95")) is not None:
            parts.insert(1, f"p95 {1000 * p95:.0f} ms")
        for name in ("cpu", "memory"):
            if name in self.figures:
                parts.append(f"{name} {self.figures[name]:.0f} %")
        return ", ".join(parts)

    @property
    def errors(self) -> float:
        return self.figures.get("target5xx", 0) + self.figures.get("balancer5xx", 0)

    @property
    def requests(self) -> float:
        """Return the number of requests, including those the load balancer itself failed."""
        return max(self.figures.get("counted", 0), self.errors)

    @property
    def error_percent(self) -> float:
        return 100 * self.errors / self.requests if self.requests else 0

    @property
    def has_answers(self) -> bool:
        return bool(self.requests)

    @property
    def unhealthy(self) -> float:
        return self.figures.get("unhealthy", 0)

    @property
    def has_health(self) -> bool:
        return "unhealthy" in self.figures

    @property
    def p95(self) -> float | None:
        return self.figures.get("p95") if self.requests >= ENOUGH_REQUESTS else None


def typical_p95(minutes: list[Minute]) -> float | None:
    found = [minute.p95 for minute in minutes if minute.p95 is not None]
    return median(found) if found else None


def in_a_row(minutes: list[Minute], count: int, is_bad: Callable[[Minute], bool]) -> bool:
    last = minutes[-count:]
    return len(last) == count and all(map(is_bad, last))


def has_errors(minute: Minute) -> bool:
    return minute.error_percent > MANY_ERRORS


def reason_to_roll_back(minutes: list[Minute], watched: int) -> str:
    """Return why to roll back, by the minutes that have figures."""
    errors, unhealthy = min(ERROR_MINUTES, watched), min(UNHEALTHY_MINUTES, watched)
    if in_a_row([m for m in minutes if m.has_answers], errors, has_errors):
        return f"over {MANY_ERRORS:.0f} % of answers were 5xx, for {errors} minutes"
    if in_a_row([m for m in minutes if m.has_health], unhealthy, lambda m: m.unhealthy > 0):
        return f"a task failed its health check, for {unhealthy} minutes"
    return ""


def final_reason_to_roll_back(minutes: list[Minute], watched: int) -> str:
    """Return why to roll back in the end, where one minute of five may be without figures."""
    count = min(ERROR_MINUTES, watched)
    known = [minute for minute in minutes[-count:] if minute.has_answers]
    missing = count - len(known)
    if missing > count // 5 or not in_a_row(known, len(known), has_errors):
        return ""
    without = f", {missing} of them without figures" if missing else ""
    return f"over {MANY_ERRORS:.0f} % of answers were 5xx, for {count} minutes{without}"


def reasons_to_investigate(minutes: list[Minute], before: float | None) -> list[str]:
    found = []
    requests = sum(minute.requests for minute in minutes)
    percent = 100 * sum(minute.errors for minute in minutes) / max(1, requests)
    if percent > SOME_ERRORS:
        found.append(f"{percent:.1f} % of answers were 5xx")
    p95 = typical_p95(minutes) or 0
    if p95 > SLOW_SECONDS:
        found.append(f"p95 is {1000 * p95:.0f} ms")
    if before and p95 > max(WORSE * before, before + NOTICEABLE_SECONDS):
        found.append(f"p95 is {1000 * p95:.0f} ms, and was {1000 * before:.0f} ms before it")
    return found


def queries(environment: str, balancer: str, group: str) -> list[dict[str, Any]]:
    """Return the queries to CloudWatch: the metrics of infra's alarms and the tasks' load."""
    alb = {"LoadBalancer": balancer}
    service = {
        "ClusterName": f"myapp-{environment}-cluster",
        "ServiceName": f"myapp-{environment}-service",
    }
    asked = [
        ("target5xx", "AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", "Sum", alb),
        ("balancer5xx", "AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", "Sum", alb),
        ("counted", "AWS/ApplicationELB", "RequestCount", "Sum", alb),
        ("p95", "AWS/ApplicationELB", "TargetResponseTime", "p95", alb),
        (
            *("unhealthy", "AWS/ApplicationELB", "UnHealthyHostCount", "Maximum"),
            {**alb, "TargetGroup": group},
        ),
        ("cpu", "AWS/ECS", "CPUUtilization", "Average", service),
        ("memory", "AWS/ECS", "MemoryUtilization", "Average", service),
    ]
    return [
        {
            "Id": name,
            "MetricStat": {
                "Metric": {
                    "Namespace": namespace,
                    "MetricName": metric,
                    "Dimensions": [{"Name": n, "Value": v} for n, v in dimensions.items()],
                },
                "Period": MINUTE,
                "Stat": statistic,
            },
        }
        for name, namespace, metric, statistic, dimensions in asked
    ]


def seconds_of(moment: str | float) -> float:
    """Return a time in seconds since 1970, from the output of either version of the AWS CLI."""
    if isinstance(moment, int | float):
        return float(moment)
    return datetime.fromisoformat(moment).timestamp()


@dataclass
class Watch:
    """A watch over a deployment, by CloudWatch's minutes, each of which lasts `period` seconds."""

    environment: str
    service: Service
    period: float
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    revision: str = field(init=False)
    queries: list[dict[str, Any]] = field(init=False)
    before: float | None = field(init=False)

    def shown(self, moment: float) -> float:
        """Return what CloudWatch calls a moment, by its clock."""
        now = self.now()
        return now - (now - moment) * MINUTE / self.period

    def look(self, begin: float, count: int) -> list[Minute]:
        """Return the figures of some minutes, the first of which contains `begin`."""
        start = math.floor(begin / MINUTE) * MINUTE
        times = [datetime.fromtimestamp(t, UTC) for t in (start, start + count * MINUTE)]
        answer = self.service.aws(
            *("cloudwatch", "get-metric-data", "--metric-data-queries", json.dumps(self.queries)),
            *("--start-time", times[0].isoformat(), "--end-time", times[1].isoformat()),
        )
        found: list[dict[str, float]] = [{} for _ in range(count)]
        for result in answer["MetricDataResults"]:
            for moment, value in zip(result["Timestamps"], result["Values"], strict=True):
                number = math.floor((seconds_of(moment) - start) / MINUTE)
                if 0 <= number < count:
                    found[number][result["Id"]] = float(value)
        return [Minute(figures) for figures in found]

    def prepare(self) -> None:
        """Determine the queries, and the typical p95 before the deployment."""
        service = self.service.describe()
        self.revision = str(primary(service)["taskDefinition"])
        if not service.get("loadBalancers"):
            raise Failure(f"{self.service.name} has no load balancer to watch")
        group = str(service["loadBalancers"][0]["targetGroupArn"])
        answer = self.service.aws("elbv2", "describe-target-groups", "--target-group-arns", group)
        balancers = answer["TargetGroups"][0]["LoadBalancerArns"]
        if not balancers:
            raise Failure(f"no load balancer leads to {short(group)}")
        balancer = str(balancers[0]).partition(":loadbalancer/")[2]
        self.queries = queries(self.environment, balancer, group.rpartition(":")[2])
        created = self.shown(seconds_of(primary(service)["createdAt"]))
        begin = created - MINUTES_BEFORE * MINUTE
        self.before = typical_p95(self.look(begin, MINUTES_BEFORE))
        was = "not known" if self.before is None else f"{1000 * self.before:.0f} ms"
        print(f"{short(self.revision)} is watched; p95 before the deploy: {was}")

    def watch(self, minutes: int) -> tuple[str, str]:
        """Return the verdict and its reason."""
        self.prepare()
        begin = self.now()
        seen: list[Minute] = []
        said: dict[int, str] = {}
        problem = ""
        for look in range(1, minutes + LATE_MINUTES):
            self.sleep(max(0, begin + (look + 1) * self.period - self.now()))
            try:
                seen = self.look(self.shown(begin), min(look, minutes))
                runs = str(primary(self.service.describe())["taskDefinition"])
            except Failure as failure:
                problem = str(failure)
                print(f"query {look} failed: {problem}")
                continue
            self.say(seen, said)
            if runs != self.revision:
                return ROLL_BACK, f"ECS moved to {short(runs)} in the meantime"
            if reason := reason_to_roll_back(seen, minutes):
                return ROLL_BACK, reason
        if not seen:
            raise Failure(f"nothing could be watched: {problem}")
        if reason := final_reason_to_roll_back(seen, minutes):
            return ROLL_BACK, reason
        if reasons := reasons_to_investigate(seen, self.before):
            return INVESTIGATE, "; ".join(reasons)
        requests = sum(minute.requests for minute in seen)
        return GOOD, f"{requests:.0f} requests" if requests else "no traffic"

    def say(self, minutes: list[Minute], said: dict[int, str]) -> None:
        """Print what is new about each minute."""
        for number, minute in enumerate(minutes, 1):
            if said.get(number) != str(minute):
                said[number] = str(minute)
                print(f"minute {number}: {minute}")


def conclude(watch: Watch, minutes: int) -> str:
    """Watch the deployment, and report the verdict to people and to the workflow."""
    if not minutes:
        print("not watched: --minutes 0")
        return GOOD
    verdict, reason = watch.watch(minutes)
    output("verdict", f"{verdict}: {reason}")
    if verdict != GOOD:
        summary(f"### {watch.environment}, the first {minutes} minutes: {verdict}: {reason}")
    if verdict == INVESTIGATE:
        print(f"::warning title=Investigate::{watch.environment}: {reason}")
    return verdict


def whole_number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of minutes")
    return int(text)


def seconds(text: str) -> float:
    try:
        if (number := float(text)) > 0:
            return number
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")


def main() -> None:
    parser = argparse.ArgumentParser(
        "scripts/watch-deployment", description=__doc__, epilog=CODES_HELP
    )
    parser.add_argument("environment", choices=ENVIRONMENTS)
    parser.add_argument(
        "--minutes",
        type=whole_number,
        required=True,
        help="0 for none; waits 3 more for late figures",
    )
    parser.add_argument(
        "--period",
        type=seconds,
        default=MINUTE,
        metavar="SECONDS",
        help="length of a minute in CloudWatch (%(default)s); shorter if its clock is faster",
    )
    args = parser.parse_args()
    verdicts = [GOOD]

    def act() -> None:
        watch = Watch(args.environment, Service.of(args.environment), args.period)
        verdicts.append(conclude(watch, args.minutes))

    run("scripts/watch-deployment", act)
    sys.exit(CODES[verdicts[-1]])


if __name__ == "__main__":
    main()
