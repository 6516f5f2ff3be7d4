"""A load balancer: it forwards each request to a healthy target, and counts the answers."""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import time
from collections.abc import Awaitable, Callable
from typing import Any

from ministack.core.responses import StreamingResponse
from ministack.services import alb

from rehearsal.aws.patches import replaces
from rehearsal.aws.records import Answer, Json, Target, TargetGroup
from rehearsal.aws.targets import targets
from rehearsal.aws.traffic import Exchange, traffic
from rehearsal.aws.upstream import HOP_BY_HOP, TargetError, Upstream, request

# The load balancer that got the request.
balancer: contextvars.ContextVar[str] = contextvars.ContextVar("balancer", default="")
turn = itertools.count()

Message = Json
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]

REASONS = {502: "Bad Gateway", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}


def own_answer(status: int) -> Answer:
    """Return the page that a load balancer sends if no target answered."""
    title = f"{status} {REASONS[status]}"
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\r\n"
    return status, {"Content-Type": "text/html", "Server": "awselb/2.0"}, page.encode()


@replaces(alb, "_forward_to_tg")
async def forward(
    original: Callable[..., Awaitable[Answer]],
    arn: str,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query: Json,
    raw_query: str | None = None,
    raw_path: str | None = None,
) -> Answer:
    """AWS routes to healthy targets, or to all if none is healthy; ministack routes to any target.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html
    """
    group: TargetGroup | None = alb._tgs.get(arn)
    if group is None or group.get("TargetType", "instance") not in ("instance", "ip"):
        words = (arn, method, path, headers, body, query, raw_query, raw_path)
        return await original(*words)
    registered: list[Target] = alb._targets.get(arn, [])
    choice = targets.routable(arn, registered)
    if not choice:
        traffic.record(Exchange(balancer.get(), arn, 503, None, routed=False))
        return own_answer(503)
    target = choice[next(turn) % len(choice)]
    key = (arn, target["Id"])
    # No await between the choice and this line, so that draining the target sees the request.
    targets.busy[key] = targets.busy.get(key, 0) + 1
    address = (target["Id"], int(target.get("Port") or group["Port"]))
    where = (raw_path or path) + (f"?{raw_query}" if raw_query else "")
    idle = float(alb._lb_attr(balancer.get(), "idle_timeout.timeout_seconds", "60"))
    start = time.monotonic()
    try:
        upstream = await request(address, method, where, headers.items(), body or b"", idle)
    except TargetError as error:
        leave(key)
        traffic.record(Exchange(balancer.get(), arn, error.status, None, routed=True))
        return own_answer(error.status)
    except BaseException:
        leave(key)
        raise
    seconds = time.monotonic() - start
    traffic.record(Exchange(balancer.get(), arn, upstream.status, seconds, routed=True))
    return upstream.status, answer_headers(upstream), StreamingResponse(Relay(upstream, key))


def leave(key: tuple[str, str]) -> None:
    left = targets.busy.get(key, 1) - 1
    if left:
        targets.busy[key] = left
    else:
        targets.busy.pop(key, None)


def answer_headers(upstream: Upstream) -> dict[str, Any]:
    """Return the target's headers as ministack sends them: several of one name in a list."""
    found: dict[str, Any] = {}
    for name, value in upstream.headers:
        # The client needs the length of the body, however this hop is framed.
        if name in HOP_BY_HOP and name != "content-length":
            continue
        if name in found:
            before = found[name]
            found[name] = [*before, value] if isinstance(before, list) else [before, value]
        else:
            found[name] = value
    return found


class Relay:
    """A relay that forwards the body as it arrives; an incomplete body stays incomplete."""

    def __init__(self, upstream: Upstream, key: tuple[str, str]) -> None:
        self.upstream = upstream
        self.key = key

    async def __call__(self, send: Send, receive: Receive) -> None:
        try:
            async for chunk in self.upstream.body():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except (TargetError, asyncio.CancelledError):
            return
        finally:
            self.upstream.close()
            leave(self.key)
