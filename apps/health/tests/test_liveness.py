from io import BytesIO
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment
from wsgiref.util import setup_testing_defaults

import pytest

from apps.health.liveness import answer_liveness


def behind(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    start_response("418 Teapot", [])
    return [b"the application"]


def call(**environ: Any) -> tuple[str, dict[str, str], bytes]:
    setup_testing_defaults(environ)
    answer: list[Any] = []
    body = answer_liveness(behind)(
        {"wsgi.input": BytesIO()} | environ, lambda *arguments: answer.extend(arguments)  # type: ignore[arg-type]
    )
    return answer[0], dict(answer[1]), b"".join(body)


def test_get_is_answered_without_the_application() -> None:
    status, headers, body = call(PATH_INFO="/health/live/", HTTP_HOST="10.0.1.7:8000")
    assert (status, body) == ("200 OK", b'{"status": "ok"}')
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Length"] == str(len(body))


def test_head_has_the_headers_and_no_body() -> None:
    status, headers, body = call(PATH_INFO="/health/live/", REQUEST_METHOD="HEAD")
    assert (status, headers["Content-Type"], body) == ("200 OK", "application/json", b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(method: str) -> None:
    status, headers, body = call(PATH_INFO="/health/live/", REQUEST_METHOD=method)
    assert (status, headers["Allow"], body) == ("405 Method Not Allowed", "GET, HEAD", b"")


@pytest.mark.parametrize("path", ["/", "/health/", "/health/live", "/health/live/x"])
def test_every_other_path_goes_to_the_application(path: str) -> None:
    assert call(PATH_INFO=path)[0] == "418 Teapot"
