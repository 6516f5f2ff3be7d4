"""Limits on the size of a request: small and kept in memory, unless a view allows more.

By default Django writes a file above 2.5 MB to disk before it knows who sends it.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.core.files.uploadhandler import MemoryFileUploadHandler, TemporaryFileUploadHandler
from django.http import HttpRequest, HttpResponse

View = TypeVar("View", bound=Callable[..., Any])


def takes_uploads(megabytes: int) -> Callable[[View], View]:
    """Let signed-in users send this view larger bodies, whose files go through /tmp."""

    def mark(view: View) -> View:
        view.upload_bytes = megabytes * 1_000_000  # type: ignore[attr-defined]
        return view

    return mark


class BodyLimitMiddleware:
    """Answer 413 to a body that is too large, before it is read."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], *_arguments: Any
    ) -> HttpResponse | None:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0
        upload_bytes = getattr(view, "upload_bytes", None)
        if upload_bytes and request.user.is_authenticated:
            limit = upload_bytes
            request.upload_handlers = [
                MemoryFileUploadHandler(request),
                TemporaryFileUploadHandler(request),
            ]
        length = int(request.headers.get("Content-Length") or 0)
        if length <= limit:
            return None
        text = f"The request has a body of {length} bytes, and {limit} are taken at most.\n"
        return HttpResponse(text, status=413, content_type="text/plain")
