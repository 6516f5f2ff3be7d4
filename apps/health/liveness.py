"""/health/live/: the process answers. Nothing more is claimed, and nothing else is touched.

It stands in front of Django because a load balancer calls with the task's address as Host, over
plain HTTP, which Django would refuse or redirect; and a dead database must not get tasks killed.
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
    """Return `application` with liveness answered before it."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != PATH:
            return application(environ, start_response)
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            start_response("405 Method Not Allowed", NOT_ALLOWED)
            return []
        start_response("200 OK", HEADERS)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [BODY]

    return answer
