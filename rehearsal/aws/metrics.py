"""CloudWatch's metrics of load balancers, from the real traffic through them.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator

from ministack.core.responses import request_scope
from ministack.services import alb, cloudwatch

from rehearsal.aws.records import Json
from rehearsal.aws.targets import targets
from rehearsal.aws.traffic import Exchange, traffic

NAMESPACE = "AWS/ApplicationELB"
KEPT_SECONDS = 3 * 3600
# name, dimensions
Metric = tuple[str, tuple[tuple[str, str], ...]]


def dimension(arn: str) -> tuple[str, str]:
    """Return CloudWatch's name of a load balancer or a target group."""
    resource = arn.rpartition(":")[2]
    if resource.startswith("loadbalancer/"):
        return "LoadBalancer", resource.removeprefix("loadbalancer/")
    return "TargetGroup", resource


class Collector:
    """Collects the exchanges of one second, and then writes them together."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        # The number of occurrences of each value.
        self.values: dict[str, dict[Metric, Counter[float]]] = {}

    def start(self) -> None:
        traffic.listeners.append(self.take)
        threading.Thread(target=self.run, name="metrics", daemon=True).start()

    def run(self) -> None:
        while True:
            time.sleep(1)
            self.count_hosts()
            self.write(time.time())

    def take(self, exchange: Exchange) -> None:
        """Count an exchange for its load balancer, and for its target group there."""
        balancer = dimension(exchange.balancer)
        both = tuple(sorted([balancer, dimension(exchange.group)]))
        for dimensions in ((balancer,), both):
            if exchange.routed:
                self.add(exchange.balancer, ("RequestCount", dimensions), 1)
            if exchange.target_seconds is not None:
                kind = f"HTTPCode_Target_{exchange.status // 100}XX_Count"
                self.add(exchange.balancer, (kind, dimensions), 1)
                seconds = float(f"{exchange.target_seconds:.3g}")
                self.add(exchange.balancer, ("TargetResponseTime", dimensions), seconds)
        if exchange.target_seconds is None:
            for kind in (f"{exchange.status // 100}XX", str(exchange.status)):
                name = f"HTTPCode_ELB_{kind}_Count"
                self.add(exchange.balancer, (name, (balancer,)), 1)

    def add(self, arn: str, metric: Metric, value: float) -> None:
        with self.lock:
            self.values.setdefault(arn, {}).setdefault(metric, Counter())[value] += 1

    def count_hosts(self) -> None:
        for balancer, group in routes():
            states = [h.state for (arn, _), h in list(targets.known.items()) if arn == group]
            dimensions = tuple(sorted([dimension(balancer), dimension(group)]))
            for name, state in (
                ("HealthyHostCount", "healthy"),
                ("UnHealthyHostCount", "unhealthy"),
            ):
                self.add(balancer, (name, dimensions), states.count(state))

    def write(self, now: float) -> None:
        """Write the collected figures to ministack's CloudWatch, and delete old ones."""
        with self.lock:
            gathered, self.values = self.values, {}
        for arn, metrics in gathered.items():
            _, _, _, region, account, _ = arn.split(":", 5)
            with request_scope(account, region):
                for (name, dimensions), values in metrics.items():
                    named = dict(dimensions)
                    key = (NAMESPACE, name, cloudwatch._dims_key(named))
                    points = cloudwatch._metric_bucket(key)
                    points += [point(name, named, value, n, now) for value, n in values.items()]
                    while points and points[0]["Timestamp"] < now - KEPT_SECONDS:
                        points.pop(0)


def point(name: str, dimensions: dict[str, str], value: float, count: int, now: float) -> Json:
    """Return a value and its number of occurrences, in ministack's form."""
    unit = "Seconds" if name == "TargetResponseTime" else "Count"
    found: Json = {"Timestamp": now, "Value": value, "Unit": unit, "Dimensions": dimensions}
    return {**found, "Count": float(count)}


def routes() -> Iterator[tuple[str, str]]:
    """Yield each load balancer with each target group that it forwards to."""
    seen: set[tuple[str, str]] = set()
    for _, listener in alb._listeners.all_items():
        for action in listener.get("DefaultActions", []):
            route = listener["LoadBalancerArn"], action.get("TargetGroupArn", "")
            if route[1] and route not in seen:
                seen.add(route)
                yield route


collector = Collector()
