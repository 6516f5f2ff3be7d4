"""Liveness: /health/live/ answers if the process does, and uses no database and no cache.

It is answered before Django, for two reasons. A load balancer requests it over plain HTTP with the
task's address as Host, which Django would refuse or redirect. And tasks must not be replaced
because a database is down.
"""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

PATH = "/health/live/"
BODY = b'{"status": "ok"}'
HEADERS = [
    ("Content-Type", "application/json"),
    ("Content-Length", str(len(BODY))),
    ("Cache-Control", "no-store"),
]
NOT_ALLOWED = [("Allow", "GET, HEAD"), ("Content-Length", "0"), ("Cache-Control", "no-store")]


def answer_liveness(application: WSGIApplication) -> WSGIApplication:
    """Wrap a WSGI application so that liveness is answered before it."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != PATH:
            return application(environ, start_response)
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            start_response("405 Method Not Allowed", NOT_ALLOWED)
            return []
        start_response("200 OK", HEADERS)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [BODY]

    return answer
