"""Faults for drills: calls of AWS or of the registry that fail as often as somebody asked."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import asdict, dataclass

from rehearsal.aws.records import Json

EXAMPLE = (
    '{"service": "ecs", "action": "UpdateService", "error": "ThrottlingException", "times": 3}'
)
# The names in X-Amz-Target and in a signature, for the services that deploys call.
TARGETS = {
    "ecs": "AmazonEC2ContainerServiceV20141113",
    "ecr": "AmazonEC2ContainerRegistry_V20150921",
}


@dataclass
class Fault:
    """What fails, how, and how many times yet; a registry's has neither service nor action."""

    service: str = ""
    action: str = ""
    error: str = ""
    status: int = 400
    times: int = 1
    registry: bool = False
    method: str = ""

    def matches(self, call: tuple[str, str, str], registry: bool) -> bool:
        service, action, method = call
        if self.registry or registry:
            return self.registry and registry and self.method in ("", method)
        return self.service == service and self.action in ("", action)

    def headers(self) -> dict[str, str]:
        return {"content-type": "application/json", "x-amzn-errortype": self.error}

    def body(self) -> bytes:
        """Return the error as AWS's JSON protocol has it, or the registry's."""
        message = f"{self.error or 'failure'}, as asked for at /_rehearsal/faults"
        if self.registry:
            found: Json = {"errors": [{"code": self.error or "UNKNOWN", "message": message}]}
        else:
            found = {"__type": self.error, "message": message}
        return json.dumps(found).encode()


faults: list[Fault] = []
lock = threading.Lock()


def parse(body: bytes) -> Fault:
    """Return the fault that somebody asks for; raise ValueError with what is wrong."""
    try:
        fault = Fault(**json.loads(body))
    except (ValueError, TypeError) as error:
        raise ValueError(f"no fault, such as {EXAMPLE}: {error}") from None
    if not fault.registry and not (fault.service and fault.error):
        raise ValueError(f"a fault needs service and error, such as {EXAMPLE}")
    return fault


def change(method: str, body: bytes) -> tuple[int, Json]:
    """Answer GET, POST and DELETE of /_rehearsal/faults."""
    with lock:
        if method == "POST":
            try:
                faults.append(parse(body))
            except ValueError as error:
                return 400, {"error": str(error)}
        elif method == "DELETE":
            faults.clear()
        return 200, {"faults": [asdict(fault) for fault in faults]}


def call_of(headers: dict[str, str], method: str) -> tuple[str, str, str]:
    """Return the service, the action and the method of a request."""
    prefix, _, action = headers.get("x-amz-target", "").rpartition(".")
    service = next((name for name, target in TARGETS.items() if target == prefix), "")
    scope = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", headers.get("authorization", ""))
    return service or (scope[1] if scope else ""), action, method


def due(path: str, headers: dict[str, str], scope: Json) -> Fault | None:
    """Return the fault that a request runs into, and count it."""
    with lock:
        registry = path.startswith("/v2/") and "x-amz-target" not in headers
        call = call_of(headers, scope["method"])
        for fault in faults:
            if fault.times > 0 and fault.matches(call, registry):
                fault.times -= 1
                return fault
    return None
