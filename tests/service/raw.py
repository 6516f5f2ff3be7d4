"""HTTP/1.1 requests as bytes, possibly malformed, and the status of the answer."""

import contextlib
import socket
from typing import NamedTuple

from .conftest import PATIENCE

TOKEN = b"abcdefghijklmnopqrstuvwxyzABCDEF"
# The headers of a browser behind the load balancer.
KNOWN = {
    "Host": b"example.com",
    "X-Forwarded-Proto": b"https",
    "Referer": b"https://example.com/",
    "Cookie": b"csrftoken=" + TOKEN,
}
Header = tuple[str, bytes]


class Request(NamedTuple):
    """A request; `headers` replace those of a browser, and an empty value leaves one out."""

    path: bytes
    method: bytes = b"GET"
    headers: tuple[Header, ...] = ()
    body: bytes = b""

    def encode(self) -> bytes:
        given = {name.title() for name, _ in self.headers}
        known = [(name, value) for name, value in KNOWN.items() if name not in given]
        body = self.body
        if "Transfer-Encoding" in given:
            # Without an end, the service would wait for one (PACE_SECONDS).
            body += b"\r\n0\r\n\r\n"
        elif body and "Content-Length" not in given:
            known.append(("Content-Length", str(len(body)).encode()))
        lines = [self.method + b" " + self.path + b" HTTP/1.1"]
        for name, value in (*known, *self.headers, ("Connection", b"close")):
            if value:
                lines.append(name.encode() + b": " + value)
        return b"\r\n".join([*lines, b"", body])


def status(port: int, request: bytes) -> int:
    """Return the status of the answer; 0 if there is none."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        with contextlib.suppress(OSError):  # answered, and closed, before it had read all
            connection.sendall(request)
        line = b""
        with contextlib.suppress(OSError):
            line = connection.makefile("rb").readline()
    version, _, rest = line.partition(b" ")
    return int(rest[:3]) if version.startswith(b"HTTP/1.") else 0
