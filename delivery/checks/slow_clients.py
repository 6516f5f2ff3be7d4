"""Keep slow connections open to a server, and measure the response times of other clients.

A fifth of the connections send nothing; a fifth each send half a header, half a form, or a form at
one byte per second; and a fifth never read the answer. When the server closes one, it is opened
again. Meanwhile other clients request pages, and one uploads 5 MB at 256 kB/s. The exit code is 1
if a figure exceeds its limit. Run this only against your own servers, because many can't serve
others meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import socket
import sys
import time
from collections.abc import Coroutine
from contextlib import closing
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Any, NamedTuple, NoReturn
from urllib.parse import urlsplit

from delivery.command import run, seconds
from delivery.errors import Failure
from delivery.http_client import check_url

LIVENESS = "/health/live/"
PAGES = (
    "/health/",
    "/releases/",  # only with: releases
    "/admin/login/",
)
# A file of Django's with some hundred kB, requested so often that no buffer holds all answers.
LARGE = "/static/admin/js/vendor/jquery/jquery.js"
COPIES = 40

SECONDS = 1.0  # the longest that liveness, and the 95th percentile of each page, may take
GIVE_UP = 10.0  # seconds that a user would wait
PAUSE = 0.2  # between two requests of a client
UPLOAD, RATE = 5_000_000, 256_000  # bytes, bytes a second

TOKEN = "abcdefghijklmnopqrstuvwxyzABCDEF"  # noqa: S105 - anybody may choose one
FORM = f"Cookie: csrftoken={TOKEN}\r\nReferer: https://{{host}}/\r\nContent-Type: "
URLENCODED = "application/x-www-form-urlencoded\r\n"
MULTIPART = "multipart/form-data; boundary=part\r\n"
PART = b'--part\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'


def head(method: str, path: str, *lines: str) -> str:
    known = f"{method} {path} HTTP/1.1\r\nHost: {{host}}\r\nX-Forwarded-Proto: https\r\n"
    return known + "".join(lines)


class Kind(NamedTuple):
    """A kind of slow client: the bytes that it sends at once and then each second."""

    name: str
    request: str
    each_second: bytes = b""
    reads: bool = True


HALF_A_FORM = head("POST", "/admin/login/", FORM, URLENCODED, "Content-Length: 10000\r\n\r\na=")
KINDS = (
    Kind("silent", ""),
    Kind("half a header", head("GET", "/admin/login/", "X-Half: ")),
    Kind("half a form", HALF_A_FORM),
    Kind("a byte a second", HALF_A_FORM, b"a"),
    # Behind a proxy, only sending a byte shows that the connection was closed.
    Kind("reads nothing", COPIES * head("GET", LARGE, "\r\n"), b"G", reads=False),
)


@dataclass(frozen=True)
class Server:
    """A server: its address, and the host name to which it answers."""

    address: tuple[str, int]
    host: str

    def connect(self) -> socket.socket:
        """Return a connection; a client that does not read gets a small receive buffer."""
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(GIVE_UP)
        connection.connect(self.address)
        connection.setblocking(False)
        return connection

    def text(self, request: str) -> bytes:
        return request.replace("{host}", self.host).encode()


def open_slow(server: Server, kind: Kind) -> socket.socket:
    """Return a connection on which a client of this kind has sent its first bytes."""
    connection = server.connect()
    connection.send(server.text(kind.request))
    return connection


def has_ended(connection: socket.socket, kind: Kind) -> bool:
    """Return whether the server has refused the request or closed the connection."""
    try:
        if kind.reads:
            connection.recv(1)
            return True
        return connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNRESET
    except BlockingIOError:
        return False
    except OSError:
        return True


@dataclass
class Slow:
    """A slow client, which reconnects whenever the server closes its connection."""

    kind: Kind
    ended: int = 0
    longest: float = 0

    async def run(self, server: Server) -> NoReturn:
        while True:
            began = time.monotonic()
            try:
                connection = await asyncio.to_thread(open_slow, server, self.kind)
            except OSError:
                await asyncio.sleep(PAUSE)
                continue
            try:
                with closing(connection):
                    await self.hold(connection)
                self.ended += 1
            finally:
                self.longest = max(self.longest, time.monotonic() - began)

    async def hold(self, connection: socket.socket) -> None:
        while not has_ended(connection, self.kind):
            await asyncio.sleep(1)
            try:
                if self.kind.each_second:
                    connection.send(self.kind.each_second)
            except BlockingIOError:
                continue
            except OSError:
                break


@dataclass
class Honest:
    """A client that requests one page repeatedly, and the time of each answer."""

    path: str
    times: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    async def run(self, server: Server) -> NoReturn:
        request = server.text(head("GET", self.path, "Connection: close\r\n\r\n"))
        while True:
            began = time.monotonic()
            try:
                status = await asyncio.wait_for(ask(server, request), GIVE_UP)
                if status != 200:
                    self.failures.append(f"answered with {status}")
            except (OSError, TimeoutError) as error:
                self.failures.append(str(error) or f"no answer within {GIVE_UP:.0f} s")
            self.times.append(time.monotonic() - began)
            await asyncio.sleep(PAUSE)

    def p95(self) -> float:
        return sorted(self.times)[int(len(self.times) * 0.95)]

    def problems(self) -> list[str]:
        found = [f"{self.path}: {one}" for one in self.failures[:1]]
        if self.path == LIVENESS and max(self.times) > SECONDS:
            found.append(f"{self.path}: {max(self.times):.2f} s, but the limit is {SECONDS:g} s")
        if self.p95() > SECONDS:
            found.append(f"{self.path}: p95 is {self.p95():.2f} s, but the limit is {SECONDS:g} s")
        return found


async def ask(server: Server, request: bytes) -> int:
    """Return the status of the answer, after reading all of it."""
    reader, writer = await asyncio.open_connection(*server.address)
    with closing(writer):
        writer.write(request)
        answer = await reader.read(-1)
    return status_of(answer)


def status_of(answer: bytes) -> int:
    if not answer.startswith(b"HTTP/1.1 "):
        raise ConnectionError(f"not an answer: {answer[:50]!r}")
    return int(answer[9:12])


async def upload(server: Server) -> int:
    """Upload a file in a form at a steady rate, and return the status of the answer."""
    body = PART + b"x" * UPLOAD + b"\r\n--part--\r\n"
    length = f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    reader, writer = await asyncio.open_connection(*server.address)
    with closing(writer):
        writer.write(server.text(head("POST", "/admin/login/", FORM, MULTIPART, length)))
        for start in range(0, len(body), RATE // 10):
            writer.write(body[start : start + RATE // 10])
            await writer.drain()
            await asyncio.sleep(0.1)
        return status_of(await reader.read(-1))


@dataclass
class Result:
    slow: list[Slow]
    honest: list[Honest]
    uploaded: str  # the status of the answer, or why there is none

    def of(self, kind: Kind) -> tuple[int, int, float]:
        """Return how many clients of a kind there were, what the server ended, and the longest."""
        clients = [one for one in self.slow if one.kind == kind]
        ended = sum(one.ended for one in clients)
        return len(clients), ended, max((one.longest for one in clients), default=0)

    def lines(self) -> list[str]:
        found = [f"{'':18}{'requests':>10}{'p95':>10}{'longest':>10}"]
        for one in self.honest:
            times = f"{1000 * one.p95():>7.0f} ms{1000 * max(one.times):>7.0f} ms"
            found.append(f"{one.path:18}{len(one.times):>10}{times}")
        found.append(f"upload of {UPLOAD / 1e6:g} MB at {RATE / 1000:g} kB/s: {self.uploaded}")
        found.append(f"{'':18}{'open':>10}{'ended':>10}{'longest':>10}")
        for kind in KINDS:
            clients, ended, longest = self.of(kind)
            found.append(f"{kind.name:18}{clients:>10}{ended:>10}{longest:>8.1f} s")
        return found

    def problems(self, bound: float) -> list[str]:
        """Return the figures beyond their limit; a slow connection may last `bound` seconds."""
        found = [problem for one in self.honest for problem in one.problems()]
        if not self.uploaded.isdecimal() or int(self.uploaded) >= 500:
            found.append(f"the upload: {self.uploaded}")
        for kind in KINDS:
            _, _, longest = self.of(kind)
            if longest > bound:
                found.append(f"{kind.name}: {longest:.1f} s, but the limit is {bound:g} s")
        return found


async def measure(server: Server, connections: int, seconds: float) -> Result:
    slow = [Slow(kind) for kind in islice(cycle(KINDS), connections)]
    honest = [Honest(path) for path in (LIVENESS, *PAGES)]
    clients = [asyncio.create_task(one.run(server)) for one in slow]
    clients += [asyncio.create_task(one.run(server)) for one in honest]
    try:
        _, uploaded = await asyncio.gather(
            asyncio.sleep(seconds), outcome(asyncio.wait_for(upload(server), seconds))
        )
    finally:
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
    return Result(slow, honest, uploaded)


async def outcome(answer: Coroutine[Any, Any, int]) -> str:
    try:
        return str(await answer)
    except (OSError, TimeoutError) as error:
        return str(error) or "no answer in time"


def parse(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/slow-clients",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "url", help="such as http://127.0.0.1:8000, of a server itself and not of its load balancer"
    )
    parser.add_argument(
        "--host", help="one of the server's ALLOWED_HOSTS (default: that of the URL)"
    )
    parser.add_argument(
        "--connections", type=int, default=200, help="slow connections (default: 200)"
    )
    parser.add_argument("--seconds", type=seconds, default=60, help="duration (default: 60)")
    parser.add_argument(
        "--bound",
        type=seconds,
        default=30,
        help="seconds that a slow connection may last (default: 30)",
    )
    return parser.parse_args(words)


def report(args: argparse.Namespace) -> int:
    check_url(args.url)
    if args.connections < len(KINDS):
        raise Failure(f"--connections must be at least {len(KINDS)}, one of each kind")
    url = urlsplit(args.url)
    if url.scheme != "http":
        raise Failure("the URL must begin with http://, because these clients speak no TLS")
    server = Server((url.hostname or "", url.port or 80), args.host or url.netloc)
    result = asyncio.run(measure(server, args.connections, args.seconds))
    print(*result.lines(), sep="\n")
    problems = result.problems(args.bound)
    for problem in problems:
        print(f"slow-clients: {problem}", file=sys.stderr)
    return 1 if problems else 0


def main() -> None:
    args = parse()
    run("scripts/slow-clients", lambda: report(args))


if __name__ == "__main__":
    main()
