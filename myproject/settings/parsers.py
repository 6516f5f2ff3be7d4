"""Parsers for values of the environment, the same as or equivalent to those of their consumers.

So a value that is accepted at start works later. The messages contain no secret.
"""

import os
import re
import ssl
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

import dj_database_url
from django.http.request import split_domain_port
from environs import ValidationError

MYSQL = "django.db.backends.mysql"
# MySQL's default, set explicitly: a server with a lenient mode would truncate data.
MYSQL_SQL_MODE = (
    "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,"
    "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
)
MYSQL_EXAMPLE = "mysql://user:password@host:3306/name"
REDIS_EXAMPLE = "redis://host:6379/0"
REDIS_TIMEOUTS = {"socket_connect_timeout": 1, "socket_timeout": 1}
DSN_EXAMPLE = "https://key@host/1"
# What RDS signs its servers' certificates with, a root for each region (docs/infrastructure.md).
RDS_CERTIFICATES = Path(__file__).resolve().parent.parent / "certificates" / "rds.pem"
# Such as ssl-ca, ssl_ca_certs, ssl_keyfile and read_default_file.
FILE_OPTION = re.compile(r"\Assl|file|path|socket")


def split(url: str, example: str) -> SplitResult:
    """Return the parts of a URL; raise ValidationError if an option or a file is missing."""
    try:
        parts = urlsplit(url)
        options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        complete = parts.port != 0 and not parts.fragment and all(value for _, value in options)
    except ValueError:
        complete = False
    if not complete:
        raise ValidationError(f"is not a URL such as {example}")
    for name, value in options:
        if FILE_OPTION.search(name) and value.startswith("/") and not Path(value).exists():
            raise ValidationError(f"names a file that does not exist: {name}={value}")
    return parts


def database_url(
    url: str, *, schemes: tuple[str, ...], read_timeout: int | None = None, authority: str = ""
) -> dict[str, Any]:
    """Return a URL of MySQL or SQLite as an entry of DATABASES.

    With an authority, MySQL must prove by a certificate of it that it is the host of the URL.
    """
    url = url.strip()
    if split(url, MYSQL_EXAMPLE).scheme not in schemes:
        raise ValidationError("must start with " + " or ".join(f"{s}://" for s in schemes))
    parsed = dj_database_url.parse(url, conn_max_age=600, conn_health_checks=True)
    config: dict[str, Any] = dict(parsed)
    if not config["NAME"]:
        raise ValidationError("names no database: mysql://user:password@host:3306/NAME")
    if config["ENGINE"] == MYSQL:
        if not config["HOST"]:
            raise ValidationError("names no host: mysql://user:password@HOST:3306/name")
        if re.search("[/@]", config["NAME"]):
            raise ValidationError("has a / or @ that is not percent-encoded")
        config["OPTIONS"] = _mysql_options(read_timeout) | config.get("OPTIONS", {})
        if authority:
            config["OPTIONS"] |= {"ssl_mode": "VERIFY_IDENTITY", "ssl": {"ca": authority}}
        _check_mysql_options(config)
    return config


def database_ca(text: str) -> str:
    """Return the file with the certificates that a value holds, or names by `rds`; or nothing."""
    text = text.strip()
    if text in ("", "rds"):
        return str(RDS_CERTIFICATES) if text else ""
    try:
        ssl.create_default_context(cadata=text)
    except (ssl.SSLError, TypeError, ValueError):
        raise ValidationError("is neither rds nor certificates in PEM form") from None
    # MySQL's driver reads files only, and a task can write none but in /tmp, where others could.
    file = os.memfd_create("database-ca")
    os.write(file, text.encode())
    return f"/proc/self/fd/{file}"


def _mysql_options(read_timeout: int | None) -> dict[str, Any]:
    options = {"charset": "utf8mb4", "sql_mode": MYSQL_SQL_MODE, "connect_timeout": 2}
    if read_timeout:
        options |= {"read_timeout": read_timeout, "write_timeout": read_timeout}
    return options


def _check_mysql_options(config: dict[str, Any]) -> None:
    """Raise ValidationError for options that the driver doesn't know or doesn't enforce."""
    options = config["OPTIONS"]
    # ssl_mode=REQUIRED is enforced in apps/health/connections.py.
    if options.get("ssl") and "VERIFY" not in str(options.get("ssl_mode")):
        raise ValidationError("asks for TLS without verification: add ssl_mode=VERIFY_CA")

    from django.db.backends.mysql.base import DatabaseWrapper
    from MySQLdb import OperationalError, connect

    try:
        parameters = DatabaseWrapper(config).get_connection_params()
        for name in ("host", "port"):
            parameters.pop(name, None)
        # The driver checks its options before it looks for this socket.
        connect(**parameters | {"unix_socket": "/nonexistent/socket"})
    except OperationalError:
        return
    except Exception as error:
        said = " ".join(str(error).split())
        raise ValidationError(f"has an option that the driver refuses: {said}") from error


def redis_url(url: str) -> str:
    """Return a URL that redis-py accepts."""
    url = url.strip()
    parts = split(url, REDIS_EXAMPLE)
    if not (
        parts.scheme in ("redis", "rediss")
        and re.fullmatch(r"[\w.:-]+", parts.hostname or "")
        and re.fullmatch(r"/?\d*", parts.path)
    ):
        raise ValidationError(f"is not a URL such as {REDIS_EXAMPLE}")

    from redis import ConnectionPool

    try:
        # This makes a connection object without opening it.
        ConnectionPool.from_url(url, **REDIS_TIMEOUTS).make_connection()
    except Exception as error:
        raise ValidationError(f"has an option that redis-py refuses: {error}") from error
    return url


def sentry_dsn(dsn: str) -> str:
    """Return a DSN that Sentry's SDK accepts, or an empty one."""
    dsn = dsn.strip()
    if not dsn:
        return ""

    from sentry_sdk.utils import Dsn

    try:
        safe = Dsn(dsn).scheme == "https"
    except ValueError:
        safe = False
    if not safe:
        raise ValidationError(f"is not a DSN such as {DSN_EXAMPLE}")
    return dsn


def csp_reports(dsn: str, *, environment: str, release: str) -> str:
    """Return the URL at which the Sentry of a DSN takes reports of what a policy refused.

    https://docs.sentry.io/platforms/python/security-policy-reporting/
    """
    from sentry_sdk.utils import Dsn

    sentry = Dsn(dsn)
    query = urlencode(
        {
            "sentry_key": sentry.public_key,
            "sentry_environment": environment,
            "sentry_release": release,
        }
    )
    address = f"{sentry.netloc}{sentry.path}api/{sentry.project_id}/security/"
    # A ; would begin another directive, and a header is ASCII.
    return f"{sentry.scheme}://{quote(address, safe='/:[]@')}?{query}"


def moment(text: str) -> datetime | None:
    """Return a time with its offset from UTC, or nothing for an empty one."""
    text = text.strip()
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        known = found.tzinfo is not None and found.timestamp() >= 0
    except (OverflowError, ValueError):
        known = False
    if not known:
        raise ValidationError("is not a time such as 2026-01-31T12:00:00+00:00")
    return found


def hosts(text: str, *, any_host: bool) -> list[str]:
    """Return the hosts of a comma-separated list; `any_host` allows *."""
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise ValidationError("is empty")
    if "*" in names and not any_host:
        raise ValidationError("must name the hosts: with *, a client's own host gets into links")
    for name in names:
        if name != "*" and not _is_host(name.removeprefix(".").lower()):
            raise ValidationError(
                f"has {name!r}, and a host is such as example.com,"
                " or .example.com for it and those below it"
            )
    return names


def _is_host(name: str) -> bool:
    """Return whether Django can accept this name in the Host header of a request."""
    return split_domain_port(name) == (name, "") and all(name.split("."))
