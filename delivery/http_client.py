"""HTTP client of the commands: one request, with limits on time and size of the answer."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from queue import Empty, SimpleQueue
from threading import Thread
from typing import NamedTuple
from urllib.error import URLError
from urllib.parse import urljoin, urlsplit
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request

from delivery.errors import Failure

SECONDS = 10.0  # for the whole answer, with its redirects
BYTES = 1_000_000  # of one body
REDIRECTS = 3
REDIRECTING = {301, 302, 303, 307, 308}


class Answer(NamedTuple):
    status: int
    body: bytes
    kind: str = ""  # such as text/css
    url: str = ""  # where redirects led to


def ask(
    url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None, to: str = ""
) -> Answer:
    """Return the answer, whatever its status; raise Failure if there is no complete answer.

    `to` is the host to connect to in place of the URL's host, whose certificate is still required.
    The message of the Failure leaves out the URL, because a webhook's URL is a secret.
    """
    check_url(url)
    found: SimpleQueue[Answer | Exception] = SimpleQueue()

    def exchange() -> None:
        try:
            found.put(follow(url, body, headers or {}, to))
        except Exception as error:
            found.put(error)

    # A socket's time-out restarts with each byte, so a thread requests, and can be abandoned.
    Thread(target=exchange, daemon=True).start()
    try:
        answer = found.get(timeout=SECONDS)
    except Empty:
        raise Failure(f"no complete answer within {SECONDS:g} s") from None
    if isinstance(answer, Answer):
        return answer
    if isinstance(answer, OSError | ValueError | HTTPException):
        raise Failure(reason(answer)) from None
    raise answer


def check_url(url: str) -> None:
    """Raise Failure unless a text is an HTTP or HTTPS URL with a host."""
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        fits = False
    if not fits or re.search(r"[^!-~]", url):
        raise Failure("not a URL: http:// or https://, then a host, in ASCII without spaces")


def reason(error: Exception) -> str:
    """Return in one line why there is no answer."""
    if isinstance(error, URLError):
        error = error.reason if isinstance(error.reason, Exception) else error
    name = type(error).__name__
    text = str(error) or name
    if isinstance(error, HTTPException) and not isinstance(error, OSError):
        text = f"an answer that is cut off, or not HTTP ({name}: {error})"
    return " ".join(text.split())[:200]


def follow(url: str, body: bytes | None, headers: Mapping[str, str], to: str) -> Answer:
    """Return the answer to a request, after its redirects."""
    opener = OpenerDirector()
    for handler in handlers(to):
        opener.add_handler(handler)
    for _ in range(REDIRECTS + 1):
        request = Request(url, body, dict(headers))  # noqa: S310
        with opener.open(request, timeout=SECONDS) as response:
            answer = read(response)._replace(url=url)
            location = response.headers.get("Location")
        if answer.status not in REDIRECTING or not location or body is not None:
            return answer
        url, headers = urljoin(url, location), {}
        check_url(url)
    raise ValueError(f"more than {REDIRECTS} redirects")


def read(response: HTTPResponse) -> Answer:
    body = response.read(BYTES + 1)
    if len(body) > BYTES:
        raise ValueError(f"an answer of more than {BYTES} bytes")
    if response.length:  # read(n) raises no error if the rest is missing
        raise IncompleteRead(body, response.length)
    return Answer(response.status, body, response.headers.get_content_type())


def handlers(to: str) -> list[ProxyHandler | HTTPHandler | HTTPSHandler]:
    """Return the handlers that connect to the URL's host, through a proxy if set, or to `to`."""
    if not to:
        return [ProxyHandler(), HTTPHandler(), HTTPSHandler()]

    class Plain(HTTPConnection):
        def connect(self) -> None:
            self.sock = socket.create_connection((to, self.port), self.timeout)

    class Tls(HTTPSConnection):
        def connect(self) -> None:
            plain = socket.create_connection((to, self.port), self.timeout)
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(plain, server_hostname=self.host)

    class PlainHandler(HTTPHandler):
        def http_open(self, req: Request) -> HTTPResponse:
            return self.do_open(Plain, req)

    class TlsHandler(HTTPSHandler):
        def https_open(self, req: Request) -> HTTPResponse:
            return self.do_open(Tls, req)

    return [PlainHandler(), TlsHandler()]
