"""Logs on stdout, one JSON object or one text line each, for Django and gunicorn alike."""

import logging
from typing import Any

from environs import ValidationError

from myproject import request_id

FORMATTERS: dict[str, dict[str, Any]] = {
    "json": {
        "()": "pythonjsonlogger.json.JsonFormatter",
        "fmt": "%(asctime)s %(levelname)s %(name)s %(message)s %(request_id)s",
        "datefmt": "%Y-%m-%dT%H:%M:%S%z",
        "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger"},
    },
    "text": {
        "class": "myproject.logs.TextFormatter",
        "format": "{asctime} {levelname} {name} [{request_id}] {message}",
        "style": "{",
    },
}


class TextFormatter(logging.Formatter):
    """Format each record as one line; unprintable characters of a client are escaped."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return escape(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:
        """Return a traceback with its lines indented, so that no line looks like a new record."""
        lines = super().formatException(ei).split("\n")
        return "\n".join(f"    {escape(line)}" for line in lines)


def escape(text: str) -> str:
    """Return a text with every unprintable character escaped, including line breaks."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


class RequestIdFilter(logging.Filter):
    """Give each record the id of the request that caused it."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not hasattr(record, "request_id"):
            # Django reports an error response when the request is over, with the request attached.
            request = getattr(record, "request", None)
            record.request_id = getattr(request, "id", request_id.current.get())
        return True


class ClientErrorFilter(logging.Filter):
    """Turn an error that a client caused into a warning without a traceback.

    Django logs requests that it refuses as suspicious, such as those for a foreign host or with too
    many fields, as errors. A view that answers 503 has logged the reason itself.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        code = getattr(record, "status_code", 0)
        if 400 <= code < 500 or code == 503:
            record.levelno = min(record.levelno, logging.WARNING)
            record.levelname = logging.getLevelName(record.levelno)
            record.exc_info = None
        return logging.getLogger(record.name).isEnabledFor(record.levelno)


def config(log_format: str, level: str) -> dict[str, Any]:
    """Return a logging configuration for dictConfig: one handler on stdout for everything."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"request_id": {"()": RequestIdFilter}, "level": {"()": ClientErrorFilter}},
        "formatters": {"default": FORMATTERS.get(str(log_format).lower(), {})},
        "handlers": {
            "stdout": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stdout",
                "filters": ["request_id", "level"],
                "formatter": "default",
            },
        },
        "root": {"handlers": ["stdout"], "level": str(level).upper()},
        # Their own handlers would log everything twice, and their own levels more than LOG_LEVEL.
        "loggers": {
            name: {"handlers": [], "propagate": True, "level": "NOTSET"}
            for name in ("django", "gunicorn.error", "gunicorn.access")
        },
    }


def check_format(name: str) -> None:
    """Raise ValidationError unless LOG_FORMAT is a known format."""
    if name.lower() not in FORMATTERS:
        raise ValidationError(f"must be one of: {', '.join(FORMATTERS)}")


def check_level(name: str) -> None:
    """Raise ValidationError unless LOG_LEVEL is a level of Python's logging."""
    if name.upper() not in logging.getLevelNamesMapping():
        raise ValidationError(f"must be one of: {', '.join(logging.getLevelNamesMapping())}")
