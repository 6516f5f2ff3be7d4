"""Faults for drills: calls of AWS or of the registry that fail a given number of times."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import asdict, dataclass, fields
from urllib.parse import parse_qs

from ministack.core.responses import error_response_xml

from rehearsal.aws.records import Answer, Json

EXAMPLE = (
    '{"service": "ecs", "action": "UpdateService", "error": "ThrottlingException", "times": 3}'
)
# Services that sign with another name than the CLI's.
SIGNED_AS = {"cloudwatch": "monitoring", "elbv2": "elasticloadbalancing"}
FORM = "application/x-www-form-urlencoded"


@dataclass
class Fault:
    """A fault: the calls that fail, the error, and how often. Without an action, all calls fail."""

    service: str = ""
    action: str = ""
    error: str = ""
    status: int = 400
    times: int = 1
    # An action that ends it, such as the one by which a job gets new credentials.
    until: str = ""
    # A request to the registry instead, of this method if it names one.
    registry: bool = False
    method: str = ""

    def matches(self, call: Call) -> bool:
        if self.registry or call.registry:
            return self.registry and call.registry and self.method in ("", call.method)
        service = SIGNED_AS.get(self.service, self.service)
        return service == call.service and self.action in ("", call.action)

    def answer(self, call: Call) -> Answer:
        """Return the error in the protocol of the call."""
        message = f"{self.error or 'Failure'}, injected at /_rehearsal/faults"
        if call.form:
            answer: Answer = error_response_xml(self.error, message, self.status)
            return answer
        found: Json = {"__type": self.error, "message": message}
        if self.registry:
            found = {"errors": [{"code": self.error or "UNKNOWN", "message": message}]}
        headers = {"content-type": "application/json", "x-amzn-errortype": self.error}
        return self.status, headers, json.dumps(found).encode()


@dataclass(frozen=True)
class Call:
    """The call that a request makes."""

    method: str
    service: str
    action: str
    form: bool
    registry: bool

    @classmethod
    def of(cls, method: str, path: str, headers: dict[str, str], body: bytes) -> Call:
        """Return the call of a request: service from the signature, action from header or body."""
        signature = headers.get("authorization", "")
        scope = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", signature)
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        form = headers.get("content-type", "").startswith(FORM)
        if form:
            action = parse_qs(body.decode("latin-1")).get("Action", [""])[0]
        # A token is exchanged for credentials without a signature.
        service = scope[1] if scope else "sts" if action.startswith("AssumeRole") else ""
        return cls(method, service, action, form, path.startswith("/v2/") and not scope)


faults: list[Fault] = []
lock = threading.Lock()


def parse(body: bytes) -> Fault:
    """Return the fault in a request; raise ValueError with the problem."""
    try:
        given = json.loads(body)
        if unknown := sorted(given.keys() - {field.name for field in fields(Fault)}):
            raise ValueError(f"unknown fields: {', '.join(unknown)}")
        fault = Fault(**given)
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"not a fault: {error}; for example {EXAMPLE}") from None
    if not fault.registry and not (fault.service and fault.error):
        raise ValueError(f"a fault needs service and error, or registry; for example {EXAMPLE}")
    return fault


def change(method: str, body: bytes) -> tuple[int, Json]:
    """Answer GET, POST and DELETE of /_rehearsal/faults with the remaining faults."""
    with lock:
        if method == "POST":
            try:
                faults.append(parse(body))
            except ValueError as error:
                return 400, {"error": str(error)}
        elif method == "DELETE":
            faults.clear()
        return 200, {"faults": [asdict(fault) for fault in faults]}


def due(call: Call) -> Fault | None:
    """Return the fault of a call, and count it; remove the faults that the call ends."""
    with lock:
        faults[:] = [fault for fault in faults if not fault.until or fault.until != call.action]
        for fault in faults:
            if fault.matches(call):
                fault.times -= 1
                if fault.times <= 0:
                    faults.remove(fault)
                return fault
    return None
