"""scripts/verify-deployment: which answers of /health/ end a deploy, and which it repeats."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from delivery.deploy.verify_deployment import verify
from delivery.errors import Failure
from tests.delivery.in_process import run_here
from tests.delivery.raw_server import answering, http


class HealthServer(HTTPServer):
    answers: list[tuple[int, Any]]


class Handler(BaseHTTPRequestHandler):
    server: HealthServer

    def do_GET(self) -> None:
        code, body = (
            self.server.answers.pop(0) if self.server.answers[1:] else self.server.answers[0]
        )
        self.send_response(code)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *words: Any) -> None: ...


@pytest.fixture
def server() -> Iterator[HealthServer]:
    with HealthServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield server
        server.shutdown()


def ask(server: HealthServer, seconds: float = 60) -> None:
    verify(f"http://127.0.0.1:{server.server_port}", "new", seconds, pause=0)


READY = (200, {"status": "ok", "commit": "new"})
OLD = (200, {"status": "ok", "commit": "old"})
UNREADY = (503, {"status": "failed", "commit": "new", "checks": {"cache": "failed"}})


@pytest.mark.parametrize("before", [OLD, UNREADY, (502, "Bad Gateway")])
def test_verification_waits_for_the_right_answer(
    server: HealthServer, before: tuple[int, Any]
) -> None:
    server.answers = [before, READY]
    ask(server)


def test_alternating_old_and_new_answers_are_not_enough(
    server: HealthServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers = [READY, READY, OLD, READY, OLD, READY]
    ask(server)
    assert capsys.readouterr().out.count("runs old, not new") == 2


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (OLD, "runs old, not new"),
        (UNREADY, 'not ready: {"cache": "failed"}'),
        ((200, ["html"]), "no JSON object"),
        ((500, ""), "500"),
    ],
)
def test_a_wrong_answer_fails_with_the_last_problem(
    server: HealthServer, answer: tuple[int, Any], problem: str
) -> None:
    server.answers = [answer]
    with pytest.raises(Failure) as failure:
        ask(server, seconds=0)
    assert problem in str(failure.value)


def test_another_version_of_the_same_commit_is_wrong(server: HealthServer) -> None:
    named = [(200, {"status": "ok", "commit": "new", "version": name}) for name in ("new", "v1")]
    server.answers = named
    verify(f"http://127.0.0.1:{server.server_port}", "new", 60, pause=0, version="v1")
    with pytest.raises(Failure, match="is v1, not v2"):
        verify(f"http://127.0.0.1:{server.server_port}", "new", 0, pause=0, version="v2")


def test_another_environment_at_the_url_fails_at_once(server: HealthServer) -> None:
    server.answers = [(200, {"status": "ok", "commit": "new", "environment": "production"})]
    url = f"http://127.0.0.1:{server.server_port}"
    elsewhere = (
        f"{url} leads to production, not to staging: it runs new. Correct APP_URL of staging"
    )
    with pytest.raises(Failure, match=f"^{elsewhere}$"):
        verify(url, "new", 600, environment="staging")


def test_an_answer_can_not_begin_a_line_of_the_log(
    server: HealthServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers = [(200, {"status": "ok", "commit": "\n::error::x\n" + "y" * 999}), READY]
    ask(server)
    lines = capsys.readouterr().out.splitlines()
    assert not any(line.startswith("::") or len(line) > 400 for line in lines)


def test_an_address_that_does_not_answer_fails() -> None:
    with pytest.raises(Failure, match="refused"):
        verify("http://127.0.0.1:1", "new", 0, pause=0)


BODY = json.dumps(READY[1]).encode()
NO_ANSWERS = {
    "not HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "nothing": b"",
    "an endless status line": b"HTTP/1.1 200 " + b"x" * 70_000,
    "too many headers": http(BODY, *["X: y"] * 101),
    "half a body": http(BODY, f"Content-Length: {len(BODY) + 1}"),
    "half a chunk": http(b"ffff\r\n" + BODY, "Transfer-Encoding: chunked"),
    "a huge body": http(BODY + b" " * 2_000_000),
    "a page": http(b"<html>"),
    "no text": http(b"\xff\xfe"),
    "JSON without an end": http(b"[" * 100_000),
    "a redirect without an end": http(b"", "Location: /", status="302 Found"),
}


@pytest.mark.parametrize("answer", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_an_invalid_answer_fails(answer: bytes) -> None:
    with answering(answer) as url, pytest.raises(Failure, match=f"{url}/health/: "):
        verify(url, "new", 0, pause=0)


@pytest.mark.parametrize("answer", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_an_invalid_answer_is_requested_again(answer: bytes) -> None:
    # A redirect is followed some times before it is given up.
    with answering(*[answer] * 5, http(BODY)) as url:
        verify(url, "new", 60, pause=0)


def test_an_invalid_url_is_refused_at_once() -> None:
    done = run_here("scripts/verify-deployment", "staging.example.com", "a commit", "--seconds=600")
    assert done.returncode == 1
    assert done.stderr.startswith("scripts/verify-deployment: not a URL: http:// or https://")
