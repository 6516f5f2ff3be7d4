"""The worker serves slow clients, and others beside them without delay."""

import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from gunicorn.config import Config
from gunicorn.workers import gthread

from myproject.server import client_socket, framing, worker
from myproject.server.worker import Worker

from .conftest import PATIENCE, Running, echo, read, running

POST = b"POST / HTTP/1.1\r\nHost: example.com\r\n"
HALF = POST + b"Content-Length: 3\r\n\r\na"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
# Larger than what the system takes of an answer that nobody reads.
LARGE = random.Random(1).randbytes(12_000_000)  # noqa: S311
SMALL_BUFFER = 4096


def request(method: str = "GET", *headers: str, body: bytes = b"", close: bool = True) -> bytes:
    lines = [f"{method} / HTTP/1.1", "Host: example.com", *headers]
    lines += [f"Content-Length: {len(body)}"] * bool(body) + ["Connection: close"] * close
    return "\r\n".join([*lines, "", ""]).encode() + body


def status(answer: bytes) -> int:
    return int(answer[len("HTTP/1.1 ") :][:3])


def body(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


def is_cut_off(client: socket.socket) -> bool:
    """Return whether the server closes the connection without a complete answer."""
    try:
        return not read(client)
    except ConnectionError:
        return True


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_socket, "PACE_SECONDS", 0.2)
    monkeypatch.setattr(worker, "SWEEP_SECONDS", 0.1)


Environ = dict[str, Any]
Start = Callable[[str, list[tuple[str, str]]], object]


def whole(environ: Environ, start_response: Start) -> list[bytes]:
    start_response("200 OK", [("Content-Length", str(len(LARGE)))])
    return [LARGE]


class Waiting(threading.Event):
    """An application that answers once it is set."""

    def __call__(self, environ: Environ, start_response: Start) -> list[bytes]:
        self.wait(PATIENCE)
        return echo(environ, start_response)


@pytest.fixture
def go_on() -> Iterator[Waiting]:
    event = Waiting()
    yield event
    event.set()


@pytest.fixture(scope="module")
def large_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("files") / "large"
    path.write_bytes(LARGE)
    return path


@pytest.fixture(params=["whole", "file", "stream"])
def large_answer(request: pytest.FixtureRequest, large_file: Path) -> Callable[..., Any]:
    """An application that answers GET with LARGE, in one of the ways that WSGI allows."""

    def answer(environ: Environ, start_response: Start) -> Any:
        if environ["REQUEST_METHOD"] != "GET":
            return echo(environ, start_response)
        start_response("200 OK", [("Content-Length", str(len(LARGE)))])
        if request.param == "file":
            return environ["wsgi.file_wrapper"](large_file.open("rb"))
        size = len(LARGE) if request.param == "whole" else 100_000
        return (LARGE[at : at + size] for at in range(0, len(LARGE), size))

    return answer


# What gunicorn does stays as it is


@pytest.mark.parametrize("body_", [b"abc", LARGE])
def test_a_body_reaches_the_application(server: Running, body_: bytes) -> None:
    assert body(server.ask(request("POST", body=body_))) == body_


def test_a_chunked_body_reaches_the_application(server: Running) -> None:
    sent = request("POST", "Transfer-Encoding: chunked") + b"2\r\nab\r\n1\r\nc\r\n0\r\nX: y\r\n\r\n"
    assert body(server.ask(sent)) == b"abc"


def test_requests_on_one_connection_are_answered_in_turn(server: Running) -> None:
    several = request("POST", body=b"one", close=False) + request("POST", body=b"two", close=False)
    with server.connect(several + request("POST", body=b"three")[:-1]) as client:
        client.sendall(b"e")
        answers = read(client).split(b"HTTP/1.1 200 OK")
    assert [body(answer) for answer in answers[1:]] == [b"one", b"two", b"three"]


def test_a_connection_is_kept_for_the_next_request(server: Running) -> None:
    with server.connect(request(close=False)) as client:
        assert status(client.recv(1000)) == 200
        client.sendall(request())
        assert status(read(client)) == 200


def test_a_client_that_waits_to_send_its_body_is_told_once_to_continue(server: Running) -> None:
    sent = request("POST", "Expect: 100-continue", body=b"abc")
    with server.connect(sent[:-3]) as client:
        assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"abc")
        answer = read(client)
    assert (status(answer), body(answer)) == (200, b"abc")


def test_a_client_that_closed_its_sending_side_gets_its_answer(server: Running) -> None:
    with server.connect(request(close=False)) as client:
        client.shutdown(socket.SHUT_WR)
        assert status(read(client)) == 200


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"GET / HTTP/1.1\nHost: example.com\n\n", 400),
        (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
        (POST + b"Content-Length: 5\r\nExpect: much\r\n\r\n", 417),
        (CHUNKED + b"x\r\n", 400),
        (POST + b"Transfer-Encoding: unheard-of\r\n\r\n", 400),
        (POST + b"Content-Length: 99999999999\r\n\r\n", 413),
        (POST + b"X: " + framing.LARGEST_HEAD * b"x", 431),
    ],
)
def test_an_unacceptable_request_is_refused_at_once(
    server: Running, sent: bytes, code: int
) -> None:
    answer = server.ask(sent)
    assert (status(answer), answer.count(b"HTTP/1.1")) == (code, 1)


def test_an_error_of_the_application_half_way_ends_the_connection() -> None:
    def fail(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Length", "10")])
        yield b"half"
        raise LookupError

    with running(fail) as server:
        assert body(server.ask(request(close=False))) == b"half"


def test_an_application_that_exits_ends_only_its_connection(server: Running) -> None:
    server.worker.wsgi = Mock(side_effect=SystemExit)
    assert server.ask(request()) == b""
    server.worker.wsgi = Mock(side_effect=echo)
    assert status(server.ask(request())) == 200


def test_a_connection_that_another_worker_accepted_is_ignored(server: Running) -> None:
    (listener,) = server.worker.sockets
    listener.setblocking(False)
    server.worker.accept(listener)
    assert server.worker.nr_conns == 0


def test_tls_is_refused_at_the_start() -> None:
    config = Config()
    config.set("certfile", "/nowhere")
    with pytest.raises(RuntimeError, match="certfile"):
        Worker.check_config(config, Mock())
    config.set("certfile", None)
    Worker.check_config(config, Mock())


# Slow clients


def test_the_only_thread_serves_others_while_requests_are_incomplete(server: Running) -> None:
    with ExitStack() as stack:
        for sent in (b"", b"GET / HT", HALF, CHUNKED + b"5\r\nab", request(close=False)):
            stack.enter_context(server.connect(sent))
        assert status(server.ask(request())) == 200


def test_a_client_that_does_not_close_delays_nobody(server: Running) -> None:
    with server.connect(request()) as silent:
        assert status(read(silent)) == 200
        assert status(server.ask(request())) == 200


def test_a_request_that_does_not_arrive_in_time_is_refused(
    impatient: None, server: Running
) -> None:
    with server.connect() as silent, ExitStack() as stack:
        halves = (b"GET / HT", HALF, CHUNKED + b"5\r\nab")
        clients = [stack.enter_context(server.connect(sent)) for sent in halves]
        assert [status(read(client)) for client in clients] == [408] * 3
        assert read(silent) == b""


def test_a_request_that_arrives_too_slowly_is_refused(impatient: None, server: Running) -> None:
    with server.connect(POST + b"Content-Length: 1000000\r\n\r\n") as client:

        while not server.log.warning.called:
            client.sendall(b"a")
            time.sleep(0.001)
        assert status(read(client)) == 408


def test_the_only_thread_serves_others_while_a_client_does_not_read(
    large_answer: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_socket, "LARGEST_BACKLOG", len(LARGE))
    with running(large_answer) as server, server.connect(request(), SMALL_BUFFER) as slow:
        assert status(slow.recv(100)) == 200
        assert status(server.ask(request("POST", body=b"abc"))) == 200
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, len(LARGE))
        assert read(slow).endswith(LARGE[-1_000_000:])


def test_a_client_that_does_not_read_in_time_is_cut_off(
    impatient: None, large_answer: Callable[..., Any]
) -> None:
    with running(large_answer) as server, server.connect(request(), SMALL_BUFFER) as slow:
        assert status(slow.recv(100)) == 200
        # A stream waits in the thread, which is free only when its client has been given up.
        assert status(server.ask(request("POST", body=b"abc"))) == 200
        wait_until(lambda: server.worker.nr_conns == 0)
        assert is_cut_off(slow)


def test_a_file_that_becomes_shorter_ends_the_connection(tmp_path: Path) -> None:
    path = tmp_path / "shorter"
    path.write_bytes(b"abc")

    def answer(environ: Environ, start_response: Start) -> Any:
        start_response("200 OK", [("Content-Length", "10")])
        return environ["wsgi.file_wrapper"](path.open("rb"))

    with running(answer) as server, pytest.raises(ConnectionResetError):
        server.ask(request(close=False))


def test_a_client_that_disconnects_is_forgotten(large_answer: Callable[..., Any]) -> None:
    with running(large_answer) as server:
        for sent in (b"", HALF, request(), request(close=False)):
            client = server.connect(sent, SMALL_BUFFER)
            # Without reading all: the server gets a reset.
            client.close()
        wait_until(lambda: server.worker.nr_conns == 0)
        assert status(server.ask(request("POST", body=b"abc"))) == 200


def test_a_client_that_disconnects_while_it_is_served_is_forgotten(go_on: Waiting) -> None:
    with running(go_on) as server:
        with server.connect(request()) as client:
            wait_until(lambda: len(server.worker.in_pool) == 1)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        go_on.set()
        wait_until(lambda: server.worker.nr_conns == 0)


def test_an_event_of_a_closed_connection_is_ignored(server: Running) -> None:
    with server.connect(HALF):
        wait_until(lambda: len(server.worker.waiting) == 1)
        (connection,) = server.worker.waiting
        when_ready = server.worker.poller.get_key(connection.sock).data
        server.worker._close(connection)
        when_ready(connection.sock)
    assert server.worker.nr_conns == 0


# Many of them


def test_too_many_connections_close_the_slowest() -> None:
    with ExitStack() as stack:
        server = stack.enter_context(running(echo, worker_connections=5))
        slow = [stack.enter_context(server.connect(HALF)) for _ in range(20)]
        assert status(server.ask(request())) == 200
        assert is_cut_off(slow[0])
        slow[-1].sendall(b"bc")
        assert status(slow[-1].recv(1000)) == 200


def test_too_much_memory_closes_the_slowest(
    monkeypatch: pytest.MonkeyPatch, server: Running
) -> None:
    monkeypatch.setattr(worker, "LARGEST_MEMORY", 3_000_000)
    sent = request("POST", body=LARGE[:2_000_000])
    with server.connect(sent[:-1]) as slow, server.connect(HALF) as small:
        wait_until(lambda: server.worker._memory() == len(sent) - 1 + len(HALF))
        assert body(server.ask(sent)) == LARGE[:2_000_000]
        assert is_cut_off(slow)
        small.sendall(b"bc")
        assert status(small.recv(1000)) == 200


def test_queued_requests_count_as_memory(monkeypatch: pytest.MonkeyPatch, go_on: Waiting) -> None:
    monkeypatch.setattr(worker, "LARGEST_MEMORY", 5_000_000)
    sent = request("POST", body=LARGE[:2_000_000])
    with running(go_on) as server, server.connect(sent), server.connect(sent) as queued:
        wait_until(lambda: len(server.worker.in_pool) == 2)
        with server.connect() as third:
            with suppress(ConnectionError):
                third.sendall(sent)
            assert is_cut_off(third)
        go_on.set()
        assert body(read(queued)) == LARGE[:2_000_000]


# The end of a worker


def test_a_stopping_worker_answers_complete_requests_and_drops_incomplete_ones(
    monkeypatch: pytest.MonkeyPatch, go_on: Waiting
) -> None:
    monkeypatch.setattr(gthread, "STOP_KEEPALIVE_LINGER", 0.1)
    with running(go_on) as server, server.connect(request()) as under_way:
        with server.connect(HALF) as half, server.connect() as silent:
            wait_until(lambda: (len(server.worker.in_pool), len(server.worker.waiting)) == (1, 2))
            server.worker.handle_exit(15, None)
            assert status(read(half)) == 408
            assert read(silent) == b""
        go_on.set()
        assert status(read(under_way)) == 200


def test_a_stopping_worker_lets_clients_read_their_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gthread, "STOP_KEEPALIVE_LINGER", 0.1)
    with (
        running(whole) as server,
        server.connect(request(), SMALL_BUFFER) as slow,
        server.connect() as silent,
    ):
        wait_until(lambda: len(server.worker.waiting) == 2)
        server.worker.handle_exit(15, None)
        assert read(silent) == b""
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, len(LARGE))
        assert read(slow).endswith(LARGE[-1_000_000:])
