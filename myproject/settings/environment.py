"""The environment, the only input of the settings.

Reading never fails: what is missing or malformed is remembered, and `check()` names all of it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from environs import Env, EnvValidationError, ValidationError

BASE_DIR = Path(__file__).resolve().parent.parent.parent

env = Env(eager=False)

MYSQL = "django.db.backends.mysql"
# MySQL's own default, stated: another server's may be lenient, and a lenient one truncates data.
MYSQL_SQL_MODE = (
    "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,"
    "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
)


@env.parser_for("database_url")
def _database_url(url: str, schemes: tuple[str, ...]) -> dict[str, Any]:
    if urlsplit(url).scheme not in schemes:
        raise ValidationError("must start with " + " or ".join(f"{s}://" for s in schemes))
    try:
        config = dj_database_url.parse(url, conn_max_age=600, conn_health_checks=True)
    except ValueError as error:
        raise ValidationError(
            "is not a URL such as mysql://user:password@host:3306/name"
        ) from error
    if not config["NAME"]:
        raise ValidationError("names no database: mysql://user:password@host:3306/NAME")
    if config["ENGINE"] == MYSQL and not config["HOST"]:
        raise ValidationError("names no host: mysql://user:password@HOST:3306/name")
    return dict(config)


@env.parser_for("redis_url")
def _redis_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        complete = parts.scheme in ("redis", "rediss") and parts.hostname and parts.port != 0
    except ValueError:
        complete = False
    if not complete:
        raise ValidationError("is not a URL such as redis://host:6379/0")
    return url


@env.parser_for("sentry_dsn")
def _sentry_dsn(dsn: str) -> str:
    parts = urlsplit(dsn)
    if dsn and not (parts.scheme == "https" and parts.username and parts.path.strip("/")):
        raise ValidationError("is not a DSN such as https://key@host/project")
    return dsn


def database(*schemes: str, default: Any = ...) -> dict[str, Any]:
    """Return DATABASE_URL, which must have one of `schemes`, as an entry of DATABASES.

    MySQL must connect within 2 s and answer within DATABASE_READ_TIMEOUT seconds (0: no limit).
    """
    read_timeout = env.int("DATABASE_READ_TIMEOUT", 10, validate=not_negative)
    config = env.database_url("DATABASE_URL", default, schemes=schemes) or {}
    if config.get("ENGINE") == MYSQL:
        options = {"charset": "utf8mb4", "sql_mode": MYSQL_SQL_MODE, "connect_timeout": 2}
        if read_timeout:
            options |= {"read_timeout": read_timeout, "write_timeout": read_timeout}
        config["OPTIONS"] = options | config.get("OPTIONS", {})
    return dict(config)


def redis_cache() -> dict[str, Any]:
    """Return REDIS_URL as an entry of CACHES; Redis must connect, and then answer, within 1 s."""
    return {
        "BACKEND": "myproject.cache.RedisCache",
        "LOCATION": env.redis_url("REDIS_URL"),
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
    }


def read_file(path: Path) -> None:
    """Add the variables of a file like .env, if there is one, to those that are set."""
    try:
        env.read_env(path, recurse=False)
    except (OSError, ValueError) as error:
        raise ImproperlyConfigured(f"{path.name} can't be read: {error}") from None


def check(variables: Env = env) -> None:
    """Raise ImproperlyConfigured with a line for each variable that is missing or malformed."""
    try:
        variables.seal()
    except EnvValidationError as error:
        problems = cast(Mapping[str, list[str]], error.error_messages)
        lines = [f"  {name}: {' '.join(problems[name])}" for name in sorted(problems)]
        raise ImproperlyConfigured(
            "The environment is not fit to start with (.env.example explains each variable):\n"
            + "\n".join(lines).replace("Environment variable not set.", "is not set")
        ) from None


def filled(value: str) -> None:
    """Raise ValidationError for an empty value, which is what an unset secret becomes."""
    if not value:
        raise ValidationError("is empty")


def secret(value: str) -> None:
    """Raise ValidationError for a SECRET_KEY that could be guessed."""
    if len(value) < 50 or len(set(value)) < 5:
        raise ValidationError("must be 50 random characters or more")


def hosts(names: list[str]) -> None:
    """Raise ValidationError unless ALLOWED_HOSTS names hosts."""
    if not all(names) or not names:
        raise ValidationError("is empty")
    if "*" in names:
        raise ValidationError("must name the hosts; * lets anybody poison links with theirs")


def not_negative(number: float) -> None:
    """Raise ValidationError for a number below 0."""
    if number < 0:
        raise ValidationError("must be 0 or more")


def positive(number: float) -> None:
    """Raise ValidationError for 0 and below."""
    if number <= 0:
        raise ValidationError("must be more than 0")
