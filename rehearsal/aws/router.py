"""Router of requests to a load balancer, the registry, the rehearsal's own pages, or AWS."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from ministack import app
from ministack.core.responses import request_scope
from ministack.services import alb

from rehearsal.aws import (
    authorization,
    certificates,
    faults,
    logins,
    registry,
    scans,
    settings,
    state,
)
from rehearsal.aws.balancer import Receive, Send, balancer
from rehearsal.aws.patches import replaces
from rehearsal.aws.records import Json

App = Callable[[Json, Receive, Send], Awaitable[None]]
# Paths that ministack serves without a signature: its own pages, the registry, tasks' metadata.
UNSIGNED = ("/_", "/v2", "/v4/", "/latest/")


@replaces(app, "app")
async def route(original: App, scope: Json, receive: Receive, send: Send) -> None:
    """AWS has a host for each of these; here one port serves them all.

    ministack would take a load balancer's name for a bucket's, and its /health for its own.
    """
    if scope["type"] != "http":
        await original(scope, receive, send)
        return
    headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
    host = headers.get("host", "").rpartition(":")[0] or headers.get("host", "")
    path, method = scope["path"], scope["method"]
    if found := find_balancer(host):
        await serve_balancer(found, scope, headers, receive, send)
    elif path == "/_rehearsal/state" and method == "GET":
        await answer_json(send, 200, state.describe())
    elif path == "/_rehearsal/database-ca" and method == "GET":
        await answer_json(send, 200, {"certificates": certificates.authority_pem()})
    elif path == "/_rehearsal/permissions" and method == "GET":
        await answer_json(send, 200, authorization.describe())
    elif path == "/_rehearsal/faults":
        status, left = faults.change(method, await read(receive))
        await answer_json(send, status, left)
    elif path == "/_rehearsal/findings":
        status, kept = scans.change(method, await read(receive))
        await answer_json(send, status, kept)
    elif host.endswith(f".{settings.BALANCERS}") or not is_for_aws(method, path, headers, scope):
        text = f"{host} is not a load balancer, and this request is not a call of AWS.\n"
        await answer(send, 404, {"content-type": "text/plain"}, text.encode())
    else:
        await serve_aws(original, scope, headers, receive, send)


async def serve_aws(
    original: App, scope: Json, headers: dict[str, str], receive: Receive, send: Send
) -> None:
    """Pass a call to ministack, or a layer to our registry, unless a fault applies."""
    if faults.faults:
        call, receive = await read_call(scope, headers, receive)
        if fault := faults.due(call):
            await answer(send, *fault.answer(call))
            return
    if refused := logins.refusal(scope["method"], scope["path"], headers):
        await registry.refuse(send, *refused)
        return
    if not await registry.serve(scope, headers, receive, send):
        await original(scope, receive, send)


async def read_call(
    scope: Json, headers: dict[str, str], receive: Receive
) -> tuple[faults.Call, Receive]:
    """Return the call of a request, and a receive function that repeats its body."""
    read_before: list[Json] = []
    # Read only the body of a form, which names the action; a layer's body is too large.
    if headers.get("content-type", "").startswith(faults.FORM):
        body = await read(receive)
        read_before.append({"type": "http.request", "body": body, "more_body": False})

    async def again() -> Json:
        return read_before.pop() if read_before else await receive()

    body = read_before[0]["body"] if read_before else b""
    return faults.Call.of(scope["method"], scope["path"], headers, body), again


def is_for_aws(method: str, path: str, headers: dict[str, str], scope: Json) -> bool:
    """Return whether a request is a call of AWS's API: signed, or not a plain GET of a page."""
    signed = "authorization" in headers or "x-amz-target" in headers
    presigned = b"X-Amz-" in scope.get("query_string", b"")
    return signed or presigned or path.startswith(UNSIGNED) or method not in ("GET", "HEAD")


def find_balancer(host: str) -> tuple[str, str, Json] | None:
    """Return account, region and record of the load balancer with a host name."""
    for (account, region, _), record in alb._lbs.all_items():
        if record["DNSName"].lower() == host.lower():
            return account, region, record
    return None


async def serve_balancer(
    found: tuple[str, str, Json], scope: Json, headers: dict[str, str], receive: Receive, send: Send
) -> None:
    account, region, record = found
    body = await read(receive)
    query = scope.get("query_string", b"").decode("latin-1")
    raw_path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    balancer.set(record["LoadBalancerArn"])
    with request_scope(account, region):
        status, answered, content = await alb.dispatch_request(
            record,
            scope["method"],
            scope["path"],
            headers,
            body,
            parse_qs(query, keep_blank_values=True),
            80,
            client_ip=(scope.get("client") or ("127.0.0.1",))[0],
            raw_query_string=query,
            raw_path=raw_path,
        )
    if runner := getattr(content, "runner", None):
        await start(send, status, answered)
        await runner(send, receive)
    else:
        await answer(send, status, answered, content)


async def read(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


async def start(send: Send, status: int, headers: dict[str, Any]) -> None:
    pairs = []
    for name, value in headers.items():
        for one in value if isinstance(value, list) else [value]:
            pairs.append((name.lower().encode("latin-1"), str(one).encode("latin-1")))
    await send({"type": "http.response.start", "status": status, "headers": pairs})


async def answer(send: Send, status: int, headers: dict[str, Any], body: bytes) -> None:
    await start(send, status, {**headers, "content-length": len(body)})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def answer_json(send: Send, status: int, content: object) -> None:
    text = json.dumps(content, indent=1).encode() + b"\n"
    await answer(send, status, {"content-type": "application/json"}, text)
