"""Time limits of a client, measured with a clock that the tests set."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from types import SimpleNamespace

import pytest

from myproject.server import client_socket
from myproject.server.client_socket import PACE_BYTES, PACE_SECONDS, ClientSocket

from .test_framing import POST, parse_head

HEAD = POST + b"Content-Length: 1000000\r\n\r\n"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    found = SimpleNamespace(now=100.0)
    monkeypatch.setattr(client_socket, "time", SimpleNamespace(monotonic=lambda: found.now))
    return found


@pytest.fixture
def ends() -> Iterator[tuple[ClientSocket, socket.socket]]:
    accepted, client = socket.socketpair()
    with client, ClientSocket(accepted, parse_head) as server:
        yield server, client


def test_a_client_that_keeps_sending_gets_more_time(
    clock: SimpleNamespace, ends: tuple[ClientSocket, socket.socket]
) -> None:
    server, client = ends
    server.start_request()
    deadlines = []
    for part in (HEAD, b"x" * (PACE_BYTES - len(HEAD) - 1), b"x", b"x"):
        clock.now += 1
        client.sendall(part)
        assert not server.receive()
        deadlines.append(server.deadline - PACE_SECONDS)
    assert deadlines == [100, 100, 103, 103]


def test_a_client_that_keeps_reading_gets_more_time(
    clock: SimpleNamespace, ends: tuple[ClientSocket, socket.socket]
) -> None:
    server, client = ends
    server.sendall(b"x" * 2_000_000)
    assert server.deadline == 100 + PACE_SECONDS
    clock.now += 1
    assert client.recv(2 * PACE_BYTES, socket.MSG_WAITALL)
    server.flush()
    assert server.deadline == 101 + PACE_SECONDS


def test_an_answer_waits_while_the_send_buffer_is_full(
    ends: tuple[ClientSocket, socket.socket],
) -> None:
    server, _ = ends
    for size in (PACE_BYTES, 1):
        with suppress(BlockingIOError):
            while True:
                socket.socket.send(server, b"x" * size)
    server.sendall(b"abc")
    assert server.backlog() == 3


def test_data_after_the_answer_is_dropped_until_the_client_closes(
    ends: tuple[ClientSocket, socket.socket],
) -> None:
    server, client = ends
    server.end()
    server.discard()
    client.sendall(b"more")
    server.discard()
    assert server.memory() == 0
    client.close()
    with pytest.raises(ConnectionAbortedError):
        server.discard()
