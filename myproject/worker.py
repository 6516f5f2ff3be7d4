"""gunicorn's worker with threads, for which what a client got wrong is never a 5xx."""

from typing import Any

from gunicorn.http.errors import InvalidHeader, UnsupportedTransferCoding
from gunicorn.workers.gthread import ThreadWorker


class Worker(ThreadWorker):
    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer a request that can't be read, or that the application failed on."""
        if isinstance(exc, UnsupportedTransferCoding):
            # A 501 by the letter of HTTP; but 5xx roll deployments back, and this one is anybody's.
            exc = InvalidHeader("TRANSFER-ENCODING")
        super().handle_error(req, client, addr, exc)
