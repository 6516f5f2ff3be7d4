"""WSGI wrappers for two cases that Django leaves open: unreadable requests, and bodies of HEAD."""

import codecs
from collections.abc import Iterable
from email.message import Message
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from django.utils.http import parse_header_parameters

REFUSAL = b"Content-Type: it can't be read, or its charset is not UTF-8.\n"
HEADERS = [("Content-Type", "text/plain"), ("Content-Length", str(len(REFUSAL)))]


class Unreadable(Exception):
    """A Content-Type that Django would raise an error for."""


def refuse_unreadable(application: WSGIApplication) -> WSGIApplication:
    """Wrap a WSGI application so that a request with an unreadable Content-Type gets 400.

    Django reads the Content-Type outside its error handling, and decodes forms and query strings
    with any codec that the client names, such as rot13, idna, or one whose result MySQL can't
    store.
    """

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if content_type := environ.get("CONTENT_TYPE"):
            try:
                environ["CONTENT_TYPE"] = readable(content_type)
            except Unreadable:
                start_response("415 Unsupported Media Type", HEADERS)
                return [REFUSAL]
        return application(environ, start_response)

    return answer


def readable(content_type: str) -> str:
    """Return a Content-Type without its charset; raise Unreadable if that is not UTF-8."""
    try:
        parameters = parse_header_parameters(content_type)[1]
        if "charset" not in parameters:
            return content_type
        codec = codecs.lookup(parameters["charset"])
        header = Message()
        header["Content-Type"] = content_type
        header.del_param("charset")
    except Exception as error:  # any error of the parser or of the lookup
        raise Unreadable from error
    if codec.name != "utf-8":
        raise Unreadable
    return str(header["Content-Type"])


def leave_out_body(application: WSGIApplication) -> WSGIApplication:
    """Wrap a WSGI application so that an answer to HEAD has no body.

    Django leaves that to the server, and gunicorn logs a warning for each such answer.
    """

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = application(environ, start_response)
        if environ["REQUEST_METHOD"] != "HEAD":
            return body
        if close := getattr(body, "close", None):
            close()
        return []

    return answer
