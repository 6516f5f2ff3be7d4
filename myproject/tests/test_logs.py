import json
import logging
import logging.config
from collections.abc import Callable, Iterator
from datetime import timedelta
from logging.handlers import QueueHandler
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

import pytest
import sentry_sdk
from django.test import Client
from gunicorn.config import Config
from pytest_django import Settings

from myproject import logs, request_id
from myproject.access_log import AccessLog

Configure = Callable[..., None]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def configure() -> Iterator[Configure]:
    """Configure logging as in production; restore the previous handlers afterwards."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield lambda *arguments: logging.config.dictConfig(logs.config(*arguments))
    root.handlers, root.level = before, level


def test_json_logs_are_one_object_a_line(configure: Configure, capsys: Capture) -> None:
    configure("json", "INFO")
    logging.getLogger("shop").warning('two\nlines and a "quote"')
    out = capsys.readouterr().out
    line = json.loads(out)
    assert out.count("\n") == 1
    assert line["message"] == 'two\nlines and a "quote"'
    assert (line["level"], line["logger"], line["request_id"]) == ("WARNING", "shop", "-")
    assert line["time"][:2] == "20"


def test_text_logs_are_one_line_each(configure: Configure, capsys: Capture) -> None:
    configure("text", "INFO")
    logging.getLogger("shop").info("hello")
    assert capsys.readouterr().out.endswith(" INFO shop [-] hello\n")


def test_a_message_can_not_forge_a_line(configure: Configure, capsys: Capture) -> None:
    configure("text", "INFO")
    forged = "2026-01-01 00:00:00,000 INFO shop [-] forged"
    logging.getLogger("shop").info("GET %s", f"/\n{forged}\r{forged}\x1b[2J\u2028é")
    (line,) = capsys.readouterr().out.split("\n")[:-1]
    assert line.endswith(rf"GET /\n{forged}\r{forged}\x1b[2J\u2028é")


def test_an_error_can_not_forge_a_line(configure: Configure, capsys: Capture) -> None:
    configure("text", "INFO")
    try:
        raise ValueError("a\n2026-01-01 00:00:00,000 INFO shop [-] forged")
    except ValueError:
        logging.getLogger("shop").exception("failed")
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.endswith("ERROR shop [-] failed")
    assert [line for line in rest if not line.startswith("    ")] == []
    assert "Traceback" in rest[0]


def test_messages_below_the_level_are_not_logged(configure: Configure, capsys: Capture) -> None:
    configure("text", "ERROR")
    logging.getLogger("shop").warning("hello")
    assert capsys.readouterr().out == ""


def test_an_error_response_is_logged_with_the_id_of_its_request(
    configure: Configure, capsys: Capture, client: Client
) -> None:
    configure("json", "INFO")
    client.post("/health/", headers={"X-Request-ID": "abc-123"})
    assert json.loads(capsys.readouterr().out)["request_id"] == "abc-123"


def test_a_well_formed_request_id_is_accepted(client: Client) -> None:
    given = "Root=1-67891233-abcdef012345678912345678"
    response = client.post("/health/", headers={"X-Request-ID": given})
    assert response["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "two words", "x" * 129, "é", "a\nb"])
def test_a_malformed_request_id_is_replaced(client: Client, given: str) -> None:
    response = client.post("/health/", headers={"X-Request-ID": given})
    assert len(response["X-Request-ID"]) == 32
    assert request_id.current.get() == "-"


def logger() -> tuple[AccessLog, SimpleQueue[logging.LogRecord]]:
    """Return an access logger, and the list that gets its records."""
    log = AccessLog(Config())
    caught: SimpleQueue[logging.LogRecord] = SimpleQueue()
    log.access_log.handlers = [QueueHandler(caught)]
    return log, caught


def access(path: str, **environ: str) -> list[logging.LogRecord]:
    log, caught = logger()
    response = SimpleNamespace(status_code=201, sent=7, headers=[("X-Request-ID", "abc")])
    environ = {"PATH_INFO": path, "REQUEST_METHOD": "GET", "REMOTE_ADDR": "10.0.0.1"} | environ
    log.access(response, None, environ, timedelta(milliseconds=12.34))
    return [caught.get() for _ in range(caught.qsize())]


def test_a_request_is_logged_as_fields() -> None:
    (record,) = access("/orders/", HTTP_USER_AGENT="curl")
    assert record.getMessage() == "GET /orders/ 201"
    fields = {"method": "GET", "path": "/orders/", "status": 201, "bytes": 7, "request_id": "abc"}
    fields |= {"milliseconds": 12.3, "remote_addr": "10.0.0.1", "user_agent": "curl"}
    assert fields.items() <= vars(record).items()


@pytest.mark.parametrize(("behind", "caller"), [(True, "203.0.113.9"), (False, "10.0.0.1")])
def test_the_trusted_address_of_the_client_is_logged(
    settings: Settings, behind: bool, caller: str
) -> None:
    settings.BEHIND_LOAD_BALANCER = behind
    (record,) = access("/orders/", HTTP_X_FORWARDED_FOR="6.6.6.6, 203.0.113.9:4711")
    assert record.__dict__["remote_addr"] == caller


def test_a_request_that_gunicorn_refuses_is_logged() -> None:
    log, caught = logger()
    response = SimpleNamespace(status="400 Bad Request", sent=0, headers=[])
    environ = {"RAW_URI": "/orders/?a=b", "REQUEST_METHOD": "GET", "REMOTE_ADDR": "10.0.0.1"}
    log.access(response, None, environ, timedelta())
    assert caught.get().getMessage() == "GET /orders/ 400"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "host"),
    [("/releases.json", "evil.example"), ("/releases.json?" + "a&" * 1100, "testserver")],
)
def test_an_error_of_a_client_is_a_warning_and_not_sent_to_sentry(
    configure: Configure, capsys: Capture, client: Client, path: str, host: str
) -> None:
    configure("json", "INFO")
    events: list[Any] = []
    sentry = sentry_sdk.Client(
        "https://key@sentry.example/1",
        release="1",
        before_send=lambda event, _: events.append(event),
    )
    with sentry_sdk.isolation_scope() as scope:
        scope.set_client(sentry)
        assert client.get(path, headers={"Host": host}).status_code == 400
        assert events == []
        logging.getLogger("shop").error("ours")
    assert len(events) == 1
    refused, ours = map(json.loads, capsys.readouterr().out.splitlines())
    assert refused["logger"].startswith("django.security.")
    assert (refused["level"], ours["level"]) == ("WARNING", "ERROR")
    assert "exc_info" not in refused


def test_an_error_of_a_client_is_not_logged_at_level_error(
    configure: Configure, capsys: Capture, client: Client
) -> None:
    configure("json", "ERROR")
    assert client.get("/releases.json", headers={"Host": "evil.example"}).status_code == 400
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("path", ["/health/", "/health/live/"])
def test_health_checks_are_not_logged(path: str) -> None:
    assert access(path) == []
