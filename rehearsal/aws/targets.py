"""Target groups: the health checks of targets, and their deregistration.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ministack.services import alb

from rehearsal.aws.patches import replaces
from rehearsal.aws.records import Answer, Json, Target, TargetGroup

REASONS = {
    "initial": "Elb.InitialHealthChecking",
    "unhealthy": "Target.FailedHealthChecks",
    "draining": "Target.DeregistrationInProgress",
}


@dataclass
class Health:
    """The known health of one target."""

    state: str = "initial"
    description: str = "Initial health checks in progress"
    passed: int = 0
    failed: int = 0
    next: float = 0
    left: float = 0
    busy: bool = False

    def observe(self, group: TargetGroup, problem: str) -> None:
        """Count the result of a check: empty, or its problem.

        The first that passes makes a new target healthy; later it takes the group's thresholds.
        """
        self.passed = 0 if problem else self.passed + 1
        self.failed = self.failed + 1 if problem else 0
        if self.state == "draining":
            return
        needed = 1 if self.state == "initial" else group["HealthyThresholdCount"]
        if self.passed >= needed:
            self.state, self.description = "healthy", ""
        elif self.failed >= group["UnhealthyThresholdCount"]:
            self.state, self.description = "unhealthy", problem


def codes(matcher: str) -> set[int]:
    """Return the statuses of "200", "200,202" or "200-299"."""
    found: set[int] = set()
    for part in matcher.split(","):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


def check(group: TargetGroup, target: Target) -> str:
    """Check the health of a target; return empty, or the problem in AWS's words."""
    port = group.get("HealthCheckPort", "traffic-port")
    number = int(target.get("Port") or group["Port"]) if port == "traffic-port" else int(port)
    address = target["Id"]
    timeout = group["HealthCheckTimeoutSeconds"]
    connection = http.client.HTTPConnection(address, number, timeout=timeout)
    headers = {"Host": f"{address}:{number}", "User-Agent": "ELB-HealthChecker/2.0"}
    try:
        connection.request("GET", group["HealthCheckPath"], headers=headers)
        status = connection.getresponse().status
    except TimeoutError:
        return "Request timed out"
    except (OSError, http.client.HTTPException):
        return "Health checks failed"
    finally:
        connection.close()
    if status in codes(group["Matcher"]["HttpCode"]):
        return ""
    return f"Health checks failed with these codes: [{status}]"


class Targets:
    """All targets of all groups, checked by one thread."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], Health] = {}
        self.busy: dict[tuple[str, str], int] = {}
        self.pool = ThreadPoolExecutor(8, thread_name_prefix="target")

    def start(self) -> None:
        threading.Thread(target=self.run, name="targets", daemon=True).start()

    def run(self) -> None:
        while True:
            self.run_due_checks(time.monotonic())
            time.sleep(0.2)

    def run_due_checks(self, now: float) -> None:
        """Start the health checks that are due; remove targets that have left."""
        registered: set[tuple[str, str]] = set()
        groups: Iterable[tuple[tuple[str, str, str], TargetGroup]] = list(alb._tgs.all_items())
        for (account, _, arn), group in groups:
            for target in list(alb._targets._data.get((account, arn), [])):
                key = (arn, target["Id"])
                registered.add(key)
                health = self.known.setdefault(key, Health())
                if health.state == "draining":  # another task has the address now
                    health = self.known[key] = Health()
                if not health.busy and now >= health.next:
                    health.busy, health.next = True, now + group["HealthCheckIntervalSeconds"]
                    self.pool.submit(self.ask, group, target, health)
        for key in self.known.keys() - registered:
            self.drain(key, now)

    def ask(self, group: TargetGroup, target: Target, health: Health) -> None:
        try:
            health.observe(group, check(group, target))
        finally:
            health.busy = False

    def drain(self, key: tuple[str, str], now: float) -> None:
        """Let a deregistered target finish its requests within the deregistration delay."""
        health = self.known[key]
        if health.state != "draining":
            health.state, health.left = "draining", now
            health.description = "Target deregistration is in progress"
        if not self.busy.get(key) or now >= health.left + deregistration_delay(key[0]):
            del self.known[key]

    def state(self, arn: str, address: str) -> str:
        health = self.known.get((arn, address))
        return health.state if health else "initial"

    def in_flight(self, arn: str, address: str) -> int:
        return self.busy.get((arn, address), 0)

    def routable(self, arn: str, registered: list[Target]) -> list[Target]:
        """Return the targets for requests: the healthy ones, or all if none is (it fails open)."""
        healthy = [t for t in registered if self.state(arn, t["Id"]) == "healthy"]
        return healthy or registered


targets = Targets()


def deregistration_delay(arn: str) -> float:
    """Return how long a target of the group may finish its requests, in seconds."""
    for (_, known), attributes in list(alb._tg_attrs._data.items()):
        if known == arn:
            for attribute in attributes:
                if attribute["Key"] == "deregistration_delay.timeout_seconds":
                    return float(attribute["Value"])
    return 300


@replaces(alb, "_describe_target_health")
def describe_target_health(original: Callable[[Json], Answer], parameters: Json) -> Answer:
    """AWS returns the results of the checks, and draining targets; ministack calls all healthy.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html
    """
    arn = alb._p(parameters, "TargetGroupArn")
    if arn not in alb._tgs:
        return original(parameters)
    asked = {target["Id"] for target in alb._parse_targets_param(parameters)}
    ports = {target["Id"]: target.get("Port") for target in alb._targets.get(arn, [])}
    members = ""
    addresses = [*ports, *(address for known, address in targets.known if known == arn)]
    for address in dict.fromkeys(addresses):
        if asked and address not in asked:
            continue
        health = targets.known.get((arn, address), Health())
        port = ports.get(address) or alb._tgs[arn]["Port"]
        why = ""
        if health.state in REASONS:
            why = f"<Reason>{REASONS[health.state]}</Reason>"
            why += f"<Description>{health.description}</Description>"
        members += (
            f"<member><Target><Id>{address}</Id><Port>{port}</Port></Target>"
            f"<TargetHealth><State>{health.state}</State>{why}</TargetHealth></member>"
        )
    found = f"<TargetHealthDescriptions>{members}</TargetHealthDescriptions>"
    answer: Answer = alb._xml(200, "DescribeTargetHealth", found)
    return answer
