"""Stand-ins for Slack's webhook and GitHub's API of releases, which record their messages."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Record = Callable[[str, str], None]  # receiver, text


class Sink:
    """A server that records messages. A GitHub Release is created once and then updated."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.releases: list[dict[str, Any]] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self) -> Sink:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def handler(self) -> type[BaseHTTPRequestHandler]:
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                status, body = sink.take(self.command, self.path, self.rfile.read(size))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PATCH = answer

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Log nothing: the report has all messages."""

        return Handler

    def take(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """Return the status and the body of the answer."""
        try:
            sent = json.loads(body or b"{}")
        except ValueError:
            return 400, b'{"message": "Problems parsing JSON"}'
        if path == "/slack" and method == "POST":
            self.record("Slack", str(sent.get("text", "")))
            return 200, b"ok"
        parts = path.partition("?")[0].strip("/").split("/")
        if parts[:1] == ["repos"] and parts[3:4] == ["releases"]:
            status, found = self.release(method, parts[4:], sent)
            return status, json.dumps(found).encode()
        return 404, b'{"message": "Not Found"}'

    def release(self, method: str, rest: list[str], sent: dict[str, Any]) -> tuple[int, Any]:
        """Answer a deploy's calls of https://docs.github.com/en/rest/releases/releases."""
        if method == "GET" and rest[:1] == ["tags"]:
            found = [one for one in self.releases if one["tag_name"] == rest[1]]
            return (200, found[0]) if found else (404, {"message": "Not Found"})
        if method == "GET":
            return 200, self.releases
        if method == "POST" and not rest:
            made = {"id": len(self.releases) + 1, "draft": False, "assets": [], "body": "", **sent}
            made |= {"html_url": f"{self.url}/{made['tag_name']}", "upload_url": f"{self.url}/no"}
            self.releases.append(made)
            self.record("GitHub Releases", f"{made['tag_name']} created\n{made['body']}")
            return 201, made
        if (
            method == "PATCH"
            and rest[:1]
            and rest[0].isdigit()
            and int(rest[0]) <= len(self.releases)
        ):
            updated = self.releases[int(rest[0]) - 1]
            updated |= sent
            return 200, updated
        return 404, {"message": "Not Found"}
