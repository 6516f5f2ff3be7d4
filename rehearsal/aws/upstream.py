"""One HTTP request to a target, whose answer is streamed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

import h11

# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html
CONNECT_SECONDS = 10.0
# Headers for one connection; the next one has its own.
HOP_BY_HOP = {
    *("connection", "content-length", "keep-alive", "proxy-connection"),
    *("te", "trailer", "transfer-encoding", "upgrade"),
}


class TargetError(Exception):
    """The status that a load balancer sends if its target did not answer."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the target gave no answer: {status}")
        self.status = status


@dataclass
class Upstream:
    """An exchange with a target, after the head of its answer."""

    status: int
    headers: list[tuple[str, str]]
    parser: h11.Connection
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    idle_seconds: float

    async def body(self) -> AsyncIterator[bytes]:
        """Yield the answer's body; raise TargetError if the body is incomplete."""
        while True:
            event = await next_event(self.parser, self.reader, self.idle_seconds)
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return

    def close(self) -> None:
        self.writer.close()


async def next_event(
    parser: h11.Connection, reader: asyncio.StreamReader, seconds: float
) -> h11.Event:
    """Return the next part of the answer; 504 if none comes in time, 502 if it is malformed."""
    try:
        while not isinstance(event := parser.next_event(), h11.Event):
            parser.receive_data(await asyncio.wait_for(reader.read(65536), seconds))
    except TimeoutError:
        raise TargetError(504) from None
    except (OSError, h11.RemoteProtocolError):
        raise TargetError(502) from None
    if isinstance(event, h11.ConnectionClosed):
        raise TargetError(502)
    return event


async def request(
    address: tuple[str, int],
    method: str,
    path: str,
    headers: Iterable[tuple[str, str]],
    body: bytes,
    idle_seconds: float,
) -> Upstream:
    """Send a request on a new connection; return when the header of the answer has arrived."""
    try:
        opening = asyncio.open_connection(*address)
        reader, writer = await asyncio.wait_for(opening, CONNECT_SECONDS)
    except TimeoutError:
        raise TargetError(504) from None
    except OSError:
        raise TargetError(502) from None
    parser = h11.Connection(our_role=h11.CLIENT)
    sent = [(name, value) for name, value in headers if name.lower() not in HOP_BY_HOP]
    sent += [("connection", "close"), ("content-length", str(len(body)))]
    try:
        head = h11.Request(method=method, target=path, headers=sent)
        for part in (head, h11.Data(data=body), h11.EndOfMessage()):
            writer.write(parser.send(part) or b"")
        with contextlib.suppress(
            OSError
        ):  # the target may answer before it reads the whole request
            await asyncio.wait_for(writer.drain(), idle_seconds)
        while True:
            event = await next_event(parser, reader, idle_seconds)
            if isinstance(event, h11.Response):
                break
    except TimeoutError:
        writer.close()
        raise TargetError(504) from None
    except h11.LocalProtocolError:
        writer.close()
        raise TargetError(502) from None
    except BaseException:
        writer.close()
        raise
    found = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in event.headers]
    return Upstream(event.status_code, found, parser, reader, writer, idle_seconds)
