import json
import logging
import logging.config
from collections.abc import Callable, Iterator
from datetime import timedelta
from logging.handlers import QueueHandler
from queue import SimpleQueue
from types import SimpleNamespace

import pytest
from django.test import Client
from gunicorn.config import Config

from myproject import logs, request_id
from myproject.access_log import AccessLog

Configure = Callable[..., None]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def configure() -> Iterator[Configure]:
    """Configure logging as in production; the handlers that were there are put back."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield lambda *arguments: logging.config.dictConfig(logs.config(*arguments))
    root.handlers, root.level = before, level


def test_json_is_an_object_a_line(configure: Configure, capsys: Capture) -> None:
    configure("json", "INFO")
    logging.getLogger("shop").warning('two\nlines and a "quote"')
    out = capsys.readouterr().out
    line = json.loads(out)
    assert out.count("\n") == 1
    assert line["message"] == 'two\nlines and a "quote"'
    assert (line["level"], line["logger"], line["request_id"]) == ("WARNING", "shop", "-")
    assert line["time"][:2] == "20"


def test_text_is_for_people(configure: Configure, capsys: Capture) -> None:
    configure("text", "INFO")
    logging.getLogger("shop").info("hello")
    assert capsys.readouterr().out.endswith(" INFO shop [-] hello\n")


def test_quieter_than_the_level_is_not_written(configure: Configure, capsys: Capture) -> None:
    configure("text", "ERROR")
    logging.getLogger("shop").warning("hello")
    assert capsys.readouterr().out == ""


def test_an_error_response_is_logged_with_the_id_of_its_request(
    configure: Configure, capsys: Capture, client: Client
) -> None:
    configure("json", "INFO")
    client.post("/health/", headers={"X-Request-ID": "abc-123"})
    assert json.loads(capsys.readouterr().out)["request_id"] == "abc-123"


def test_a_well_formed_request_id_is_taken(client: Client) -> None:
    given = "Root=1-67891233-abcdef012345678912345678"
    response = client.post("/health/", headers={"X-Request-ID": given})
    assert response["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "two words", "x" * 129, "é", "a\nb"])
def test_a_malformed_request_id_is_replaced(client: Client, given: str) -> None:
    response = client.post("/health/", headers={"X-Request-ID": given})
    assert len(response["X-Request-ID"]) == 32
    assert request_id.current.get() == "-"


def access(path: str, **environ: str) -> list[logging.LogRecord]:
    log = AccessLog(Config())
    caught: SimpleQueue[logging.LogRecord] = SimpleQueue()
    log.access_log.handlers = [QueueHandler(caught)]
    response = SimpleNamespace(status_code=201, sent=7, headers=[("X-Request-ID", "abc")])
    environ = {"PATH_INFO": path, "REQUEST_METHOD": "GET", "REMOTE_ADDR": "10.0.0.1"} | environ
    log.access(response, None, environ, timedelta(milliseconds=12.34))
    log.access_log.handlers = []
    return [caught.get() for _ in range(caught.qsize())]


def test_a_request_is_logged_in_fields() -> None:
    (record,) = access("/orders/", HTTP_USER_AGENT="curl")
    assert record.getMessage() == "GET /orders/ 201"
    fields = {"method": "GET", "path": "/orders/", "status": 201, "bytes": 7, "request_id": "abc"}
    fields |= {"milliseconds": 12.3, "remote_addr": "10.0.0.1", "user_agent": "curl"}
    assert fields.items() <= vars(record).items()


def test_behind_a_load_balancer_the_caller_is_logged() -> None:
    (record,) = access("/orders/", HTTP_X_FORWARDED_FOR="203.0.113.9")
    assert record.__dict__["remote_addr"] == "203.0.113.9"


@pytest.mark.parametrize("path", ["/health/", "/health/live/"])
def test_health_checks_are_not_logged(path: str) -> None:
    assert access(path) == []
