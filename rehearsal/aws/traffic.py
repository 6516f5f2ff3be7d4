"""Counters of the requests through the load balancers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Exchange:
    """A request to a load balancer, and its answer."""

    balancer: str
    group: str
    status: int
    # Empty if the load balancer itself answered, because no target did.
    target_seconds: float | None
    # A target was chosen for it.
    routed: bool


class Traffic:
    """Counts exchanges by load balancer, and passes them on."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = {}
        self.listeners: list[Callable[[Exchange], None]] = []

    def record(self, exchange: Exchange) -> None:
        counts = self.counts.setdefault(exchange.balancer, Counter())
        counts["requests"] += 1
        counts[f"{exchange.status // 100}xx"] += 1
        if exchange.target_seconds is None:
            counts[f"balancer{exchange.status}"] += 1
        for listener in self.listeners:
            listener(exchange)


traffic = Traffic()
