"""The load: each answer is counted, and only the service's own answers are good."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from rehearsal import load, ports
from rehearsal.load import Generator
from rehearsal.ports import Ports
from rehearsal.timeline import Load


class Service(BaseHTTPRequestHandler):
    """A server that answers like the service, unless `broken` is set."""

    protocol_version = "HTTP/1.1"
    broken = ""

    def do_GET(self) -> None:
        if self.broken == "hangs up":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        found = {"commit": "abc", "answering": {"commit": "abc"}}
        body = b"<ListBuckets/>" if self.broken == "is another" else json.dumps(found).encode()
        self.send_response(502 if self.broken == "fails" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Service]]:
    handler = type("One", (Service,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        monkeypatch.setattr(ports, "current", lambda: Ports(web=server.server_port))
        yield handler
        server.shutdown()


def counted(requests: int = 20) -> Load:
    """Load the service until a number of requests were answered or lost."""
    generator = Generator("any", 500, time.monotonic)
    generator.start()
    while generator.load.requests < requests:
        time.sleep(0.005)
    return generator.stop()


def test_answers_are_counted_by_commit(service: type[Service]) -> None:
    found = counted()
    assert sum(second.answered["abc"] for second in found.seconds) == found.requests
    assert not found.lost


@pytest.mark.parametrize("broken", ["fails", "hangs up", "is another"])
def test_a_bad_answer_is_a_lost_request(service: type[Service], broken: str) -> None:
    service.broken = broken
    found = counted()
    assert len(found.lost) == found.requests == sum(second.lost for second in found.seconds)


def test_a_stopped_server_loses_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "current", lambda: Ports(web=1))
    assert "refused" in counted(1).lost[0].why


class FakeTime:
    """A clock that advances only during waits."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return self.now >= 1


def test_requests_are_sent_at_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[float] = []
    for number in range(load.CONNECTIONS):
        generator, clock = Generator("any", 300, time.monotonic), FakeTime()
        monkeypatch.setattr(generator, "ask", lambda *_, clock=clock: sent.append(clock.now))
        monkeypatch.setattr(generator, "stopped", clock)
        monkeypatch.setattr(load, "time", clock)
        generator.run(number)
    assert sorted(sent) == pytest.approx([number / 300 for number in range(300)])
