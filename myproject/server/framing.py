"""Find the end of a request, so that gunicorn gets it when it is complete.

gunicorn's own parser decides what a header means. This module only counts the bytes after it. A
malformed request goes to gunicorn unchanged, which refuses it.
"""

import re
from collections.abc import Callable, Generator
from typing import Any

from gunicorn.http.body import ChunkedReader

LARGEST_HEAD = 65_536  # the limit of an Application Load Balancer, too
LARGEST_REQUEST = 32 * 1024 * 1024

BARE_LF = re.compile(rb"(?<!\r)\n")
CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]+)[ \t]*[;\r]")

Bytes = bytes | bytearray
# Takes received bytes piece by piece; returns the length of the request, once it is known.
Framing = Generator[None, Bytes, int]


class Refused(Exception):
    """A request that is refused: the status of the answer, its reason, and the problem."""


def is_whole(received: Bytes) -> bool:
    """Return whether the data is exactly one request without a body, as most requests are."""
    ends = received.find(b"\r\n\r\n") == len(received) - 4
    return ends and not _may_have_body(received.lower())


def frame(parse_head: Callable[[bytes], Any], send_continue: Callable[[], None]) -> Framing:
    """Return the length of the first request. Raise Refused if it is too large."""
    received = bytearray()
    end = yield from _head(received)
    head = bytes(received[:end])
    if not _may_have_body(head.lower()):
        return end
    try:
        request = parse_head(head)
    except Exception:  # gunicorn raises it again, and answers
        return end
    body = request.body.reader
    is_chunked = isinstance(body, ChunkedReader)
    if not is_chunked:
        _check_size(end + body.length)
    if len(received) == end and _expects_continue(request):
        send_continue()
    del received[:end]
    if is_chunked:
        return end + (yield from _chunks(received))
    yield from _skip(received, body.length)
    return int(end + body.length)


def _head(received: bytearray) -> Framing:
    start = 0
    while (end := received.find(b"\r\n\r\n", start)) < 0:
        if BARE_LF.search(received, start):
            return len(received)
        if len(received) > LARGEST_HEAD:
            raise Refused(431, "Request Header Fields Too Large", "The header is too large.")
        start = max(0, len(received) - 3)
        received += yield
    return end + 4


def _may_have_body(head: Bytes) -> bool:
    return b"content-length" in head or b"transfer-encoding" in head


def _expects_continue(request: Any) -> bool:
    # gunicorn refuses any other expectation.
    expected = any(name == "EXPECT" for name, _ in request.headers)
    return expected and request.version >= (1, 1)


def _chunks(received: bytearray) -> Framing:
    length = 0
    while True:
        line = yield from _find(received, b"\r\n")
        found = CHUNK_SIZE.match(received)
        if not found:
            return length + len(received)  # gunicorn refuses it
        size = int(found[1], 16)
        if not size:
            # The last chunk. Trailers may follow, and then an empty line.
            return length + 4 + (yield from _find(received, b"\r\n\r\n", line))
        size += line + 4
        length += size
        _check_size(length)
        yield from _skip(received, size)


def _find(received: bytearray, mark: bytes, start: int = 0) -> Framing:
    while (found := received.find(mark, start)) < 0:
        if len(received) > LARGEST_HEAD:
            raise Refused(431, "Request Header Fields Too Large", "A chunk's header is too large.")
        start = max(start, len(received) - len(mark) + 1)
        received += yield
    return found


def _skip(received: bytearray, size: int) -> Generator[None, Bytes, None]:
    while len(received) < size:
        size -= len(received)
        received.clear()
        received += yield
    del received[:size]


def _check_size(size: int) -> None:
    if size > LARGEST_REQUEST:
        raise Refused(413, "Content Too Large", f"The limit is {LARGEST_REQUEST} bytes.")
