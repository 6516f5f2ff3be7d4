"""The sink: it records messages to Slack and GitHub's API, and answers like them."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from rehearsal.sink import Sink


@pytest.fixture
def recorded() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def sink(recorded: list[tuple[str, str]]) -> Iterator[Sink]:
    with Sink(lambda receiver, text: recorded.append((receiver, text))) as sink:
        yield sink


def send(sink: Sink, method: str, path: str, body: object = None) -> tuple[int, Any]:
    request = urllib.request.Request(
        f"{sink.url}{path}", method=method, data=json.dumps(body).encode() if body else None
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
            return answer.status, text if text == b"ok" else json.loads(text)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_a_message_to_slack_is_recorded(sink: Sink, recorded: list[tuple[str, str]]) -> None:
    assert send(sink, "POST", "/slack", {"text": "deployed"}) == (200, b"ok")
    assert recorded == [("Slack", "deployed")]


def test_a_release_is_created_once_and_then_updated(sink: Sink) -> None:
    releases = "/repos/acme/shop/releases"
    assert send(sink, "GET", f"{releases}/tags/v1.0.0")[0] == 404
    status, made = send(sink, "POST", releases, {"tag_name": "v1.0.0", "body": "one"})
    assert status == 201
    send(sink, "PATCH", f"{releases}/{made['id']}", {"body": "two"})
    assert send(sink, "GET", f"{releases}/tags/v1.0.0")[1]["body"] == "two"


def test_an_unknown_path_is_not_found(sink: Sink) -> None:
    assert send(sink, "GET", "/repos/acme/shop/issues")[0] == 404
    assert send(sink, "PATCH", "/repos/acme/shop/releases/7", {"body": "?"})[0] == 404
