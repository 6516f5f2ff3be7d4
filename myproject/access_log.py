"""gunicorn's access log, as fields instead of a line to be taken apart again."""

from collections.abc import MutableMapping
from datetime import timedelta
from typing import Any

from gunicorn.glogging import Logger


class AccessLog(Logger):
    """Write one record a request, and none for the checks that load balancers make all day."""

    def access(
        self, resp: Any, req: Any, environ: MutableMapping[str, Any], request_time: timedelta
    ) -> None:
        path = environ["PATH_INFO"]
        if path.startswith("/health/"):
            return
        headers = {name.lower(): value for name, value in resp.headers}
        self.access_log.info(
            "%s %s %s",
            environ["REQUEST_METHOD"],
            path,
            resp.status_code,
            extra={
                "request_id": headers.get("x-request-id", "-"),
                "method": environ["REQUEST_METHOD"],
                "path": path,
                "status": resp.status_code,
                "bytes": resp.sent,
                "milliseconds": round(request_time / timedelta(milliseconds=1), 1),
                "remote_addr": environ.get("HTTP_X_FORWARDED_FOR") or environ["REMOTE_ADDR"],
                "user_agent": environ.get("HTTP_USER_AGENT", ""),
            },
        )
