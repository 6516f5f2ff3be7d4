"""The worker, in a thread of the tests and with one thread in its pool, so that a delay shows."""

import os
import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import Mock

import pytest
from gunicorn.config import Config

from myproject.server.worker import Worker

Application = Callable[..., Any]
# No server that works takes so long, on any machine.
PATIENCE = 60


@dataclass
class Running:
    worker: Worker
    log: Mock
    address: tuple[str, int]

    def connect(self, request: bytes = b"", buffer: int = 0) -> socket.socket:
        """Return a connection on which the request was sent; `buffer` is its receive buffer."""
        client = socket.socket()
        if buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        client.settimeout(PATIENCE)
        client.connect(self.address)
        client.sendall(request)
        return client

    def ask(self, request: bytes) -> bytes:
        """Return all that the server sends until it closes the connection."""
        with self.connect(request) as client:
            return read(client)


def read(client: socket.socket) -> bytes:
    found = b""
    while data := client.recv(65_536):
        found += data
    return found


@contextmanager
def running(application: Application, **options: Any) -> Iterator[Running]:
    config = Config()
    for name, value in {"threads": 1, "keepalive": PATIENCE, **options}.items():
        config.set(name, value)
    listener = socket.create_server(("127.0.0.1", 0))
    log = Mock()
    worker = Worker(1, os.getppid(), [listener], None, PATIENCE, config, log)
    worker.wsgi = application
    worker.tpool = worker.get_thread_pool()
    worker.poller = selectors.DefaultSelector()
    worker.method_queue.init()
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield Running(worker, log, listener.getsockname())
    finally:
        worker.handle_exit(15, None)
        thread.join(PATIENCE)
        assert not thread.is_alive()
        worker.tmp.close()


def echo(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Answer with the body of the request."""
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


@pytest.fixture
def server() -> Iterator[Running]:
    with running(echo) as found:
        yield found
