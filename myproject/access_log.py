"""gunicorn's access log as structured fields."""

from collections.abc import MutableMapping
from datetime import timedelta
from typing import Any

from gunicorn.glogging import Logger

from myproject.client_ip import caller


class AccessLog(Logger):
    """Log each request as one record, except the health checks."""

    def access(
        self, resp: Any, req: Any, environ: MutableMapping[str, Any], request_time: timedelta
    ) -> None:
        # gunicorn passes no path and no status code for a request that it refuses itself.
        path = environ.get("PATH_INFO") or str(environ["RAW_URI"]).partition("?")[0]
        status = getattr(resp, "status_code", None) or int(resp.status.split()[0])
        if path.startswith("/health/"):
            return
        headers = {name.lower(): value for name, value in resp.headers}
        self.access_log.info(
            "%s %s %s",
            environ["REQUEST_METHOD"],
            path,
            status,
            extra={
                "request_id": headers.get("x-request-id", "-"),
                "method": environ["REQUEST_METHOD"],
                "path": path,
                "status": status,
                "bytes": resp.sent,
                "milliseconds": round(request_time / timedelta(milliseconds=1), 1),
                "remote_addr": caller(environ),
                "user_agent": environ.get("HTTP_USER_AGENT", ""),
            },
        )
