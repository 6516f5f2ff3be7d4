"""The end of a request is found with its last byte, and not before."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from unittest.mock import Mock

import pytest
from gunicorn import http
from gunicorn.config import Config

from myproject.server import framing

POST = b"POST / HTTP/1.1\r\nHost: example.com\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
WHOLE = [
    b"GET / HTTP/1.0\r\n\r\n",
    b"\r\nGET / HTTP/1.1\r\nHost: example.com\r\n\r\n",
    POST + b"Content-Length: 0\r\n\r\n",
    POST + b"cONTENT-lENGTH:\t12 \r\n\r\nab\r\n\r\ncd\n\n\r\n",
    CHUNKED + b"0\r\n\r\n",
    CHUNKED + b"2\r\n\r\n\r\n1;x=y\r\nc\r\n00\r\n\r\n",
    CHUNKED + b"A\r\n0123456789\r\n0\r\nX: y\r\nZ: y\r\n\r\n",
]
MALFORMED = [
    b"GET / HTTP/1.1\nHost: example.com\n\n",
    b"GET / HTTP/1.1\r\nHost: example.com\n",
    POST + b"Content-Length: x\r\n\r\n",
    POST + b"Content-Length: -1\r\n\r\n",
    POST + b"Content-Length : 5\r\n\r\n",
    POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\n",
    POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    POST + b"Transfer-Encoding: gzip\r\n\r\n",
    POST + b"Content-Length: 5\r\nExpect: much\r\n\r\n",
    CHUNKED + b"-1\r\n",
    CHUNKED + b"0x1\r\n",
    CHUNKED + b"\r\n",
    CHUNKED + b"1\r\nab\r\nc\r\n",
]


def parse_head(head: bytes) -> Any:
    return next(http.get_parser(Config(), [head], ("127.0.0.1", 1)))


def ends(pieces: Iterable[bytes]) -> int | None:
    """Return the length of the request, or None if it is incomplete."""
    frame = framing.frame(parse_head, lambda: None)
    next(frame)
    for piece in pieces:
        try:
            frame.send(piece)
        except StopIteration as found:
            return int(found.value)
    return None


def single(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


@pytest.mark.parametrize("request_", WHOLE)
@pytest.mark.parametrize("next_", [b"", b"GET / HTTP/1.1\r\n\r\n"])
def test_a_request_ends_with_its_last_byte(request_: bytes, next_: bytes) -> None:
    assert ends([request_ + next_]) == len(request_)
    assert ends(single(request_ + next_)) == len(request_)
    assert ends(single(request_[:-1])) is None


@pytest.mark.parametrize("request_", MALFORMED)
def test_gunicorn_gets_a_malformed_request_at_once(request_: bytes) -> None:
    assert ends([request_]) == len(request_)
    assert ends(single(request_)) is not None


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\nX: " + framing.LARGEST_HEAD * b"x", 431),
        (POST + f"Content-Length: {framing.LARGEST_REQUEST}\r\n\r\n".encode(), 413),
        (POST + b"Content-Length: " + 99 * b"9" + b"\r\n\r\n", 413),
        (CHUNKED + f"{framing.LARGEST_REQUEST:x}\r\n".encode(), 413),
        (CHUNKED + 99 * b"f" + b"\r\n", 413),
        (CHUNKED + b"1;" + framing.LARGEST_HEAD * b"x", 431),
        (CHUNKED + b"0\r\nX: " + framing.LARGEST_HEAD * b"x", 431),
    ],
)
def test_a_request_that_is_too_large_is_refused(request_: bytes, status: int) -> None:
    with pytest.raises(framing.Refused) as refused:
        ends([request_])
    assert refused.value.args[0] == status


@pytest.mark.parametrize(
    ("head", "continues"),
    [
        (POST + b"Expect: 100-continue\r\nContent-Length: 1\r\n\r\n", 1),
        (CHUNKED[:-2] + b"Expect: 100-Continue\r\n\r\n", 1),
        (POST + b"Content-Length: 1\r\n\r\n", 0),
        (POST.replace(b"1.1", b"1.0") + b"Expect: 100-continue\r\nContent-Length: 1\r\n\r\n", 0),
    ],
)
def test_a_waiting_client_is_told_to_continue(head: bytes, continues: int) -> None:
    tell = Mock()
    for received in (head, head + b"1"):  # the second one does not wait
        frame = framing.frame(parse_head, tell)
        next(frame)
        with suppress(StopIteration):
            frame.send(received)
    assert tell.call_count == continues
