from collections.abc import Iterable
from io import BytesIO
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment
from wsgiref.util import setup_testing_defaults

import pytest
from django.test import Client

from myproject.readable import leave_out_body, refuse_unreadable


def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    start_response("200 OK", [("Content-Length", "4")])
    return [environ.get("CONTENT_TYPE", "none").encode()]


def ask(app: Any, **environ: Any) -> tuple[str, list[bytes]]:
    setup_testing_defaults(environ)
    answer: list[Any] = []
    body = app({"wsgi.input": BytesIO()} | environ, lambda *words: answer.extend(words))
    return answer[0], list(body)


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("application/x-www-form-urlencoded; charset=utf8", "application/x-www-form-urlencoded"),
        ("text/plain; charset=UTF-8", "text/plain"),
        (
            'multipart/form-data; charset=utf-8; boundary="a b"',
            'multipart/form-data; boundary="a b"',
        ),
        ("multipart/form-data; boundary=--x", "multipart/form-data; boundary=--x"),
        ("application/json", "application/json"),
        ("", ""),
    ],
)
def test_each_spelling_of_utf_8_is_accepted(given: str, taken: str) -> None:
    assert ask(refuse_unreadable(application), CONTENT_TYPE=given) == ("200 OK", [taken.encode()])


@pytest.mark.parametrize(
    "kind",
    [
        *(f"text/plain; charset={name}" for name in ("latin-1", "utf-7", "rot13", "idna", "x", "")),
        "text/plain; a*=nonsense''%41",
        "text/plain; a*=idna''%41",
    ],
)
def test_another_charset_is_refused(kind: str) -> None:
    status, body = ask(refuse_unreadable(application), CONTENT_TYPE=kind)
    assert status == "415 Unsupported Media Type"
    assert b"UTF-8" in body[0]


class Body(list[bytes]):
    closed = False

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(("method", "left"), [("HEAD", []), ("GET", [b"page"])])
def test_an_answer_to_head_has_no_body(method: str, left: list[bytes]) -> None:
    page = Body([b"page"])

    def answer(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        return page

    assert ask(leave_out_body(answer), REQUEST_METHOD=method) == ("200 OK", left)
    assert page.closed == (method == "HEAD")


def test_a_generator_may_answer_head() -> None:
    def answer(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        return iter([b"page"])

    assert ask(leave_out_body(answer), REQUEST_METHOD="HEAD") == ("200 OK", [])


def test_an_error_page_does_not_read_the_form() -> None:
    client = Client(enforce_csrf_checks=True)
    response = client.post("/nope", b"--", content_type="multipart/form-data; boundary=")
    assert response.status_code == 404
