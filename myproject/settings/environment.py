"""Environment variables, the only input of the settings.

Reading a variable never fails: `check()` then names all that are missing or malformed.
"""

import io
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from django.core.checks.security.base import SECRET_KEY_INSECURE_PREFIX
from django.core.exceptions import ImproperlyConfigured
from dotenv.parser import Binding, parse_stream
from environs import Env, EnvValidationError, ValidationError

from myproject.release_names import WORD

from . import parsers

BASE_DIR = Path(__file__).resolve().parent.parent.parent

env = Env(eager=False)
for parser in (
    parsers.database_url,
    parsers.database_ca,
    parsers.redis_url,
    parsers.sentry_dsn,
    parsers.hosts,
    parsers.moment,
):
    env.add_parser(parser.__name__, parser)
_readers = [env]


def database(*schemes: str, default: Any = ...) -> dict[str, Any]:
    """Return DATABASE_URL, whose scheme must be in `schemes`, as an entry of DATABASES.

    MySQL must connect within 2 s and answer within DATABASE_READ_TIMEOUT seconds (0: no limit).
    """
    limits = [not_negative, at_most(86_400)]
    read_timeout = env.int("DATABASE_READ_TIMEOUT", 10, validate=limits)
    authority = env.database_ca("DATABASE_CA", "")
    config = env.database_url(
        "DATABASE_URL", default, schemes=schemes, read_timeout=read_timeout, authority=authority
    )
    return dict(config or {})


def redis_cache() -> dict[str, Any]:
    """Return REDIS_URL as an entry of CACHES, with 1 s to connect and 1 s to answer."""
    return {
        "BACKEND": "myproject.cache.RedisCache",
        "LOCATION": env.redis_url("REDIS_URL"),
        "OPTIONS": parsers.REDIS_TIMEOUTS,
    }


def read_file(path: Path) -> None:
    """Read variables from a file such as .env, if it exists; the environment has precedence."""
    try:
        lines = list(parse_stream(io.StringIO(path.read_text("utf-8-sig"))))
        wrong = [str(line.original.line) for line in lines if _is_wrong(line)]
        if wrong:
            raise ValueError(f"not NAME=value: line {', '.join(wrong)}")
        for name, value in {line.key: line.value for line in lines if line.key}.items():
            os.environ.setdefault(name, value or "")
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise ImproperlyConfigured(f"{path.name} can't be read: {error}") from None


def _is_wrong(line: Binding) -> bool:
    return line.error or (line.key is not None and line.value is None)


def reader() -> Env:
    """Return a reader for variables that are no settings; `check()` covers them as well."""
    _readers.append(Env(eager=False))
    return _readers[-1]


def check() -> None:
    """Raise ImproperlyConfigured with a line for each variable that is missing or malformed."""
    problems: dict[str, list[str]] = {}
    for variables in _readers:
        try:
            variables.seal()
        except EnvValidationError as error:
            problems |= cast(Mapping[str, list[str]], error.error_messages)
    if problems:
        lines = [f"  {name}: {' '.join(problems[name])}" for name in sorted(problems)]
        raise ImproperlyConfigured(
            "Invalid environment variables (see .env.example):\n"
            + "\n".join(lines).replace("Environment variable not set.", "is not set")
        )


def filled(value: str) -> None:
    """Raise ValidationError for an empty value, which an unset secret results in."""
    if not value:
        raise ValidationError("is empty")


def word(longest: int) -> Callable[[str], None]:
    """Return a validator for values that are recorded with a release."""

    def validate(value: str) -> None:
        if value != "unknown" and (not WORD.fullmatch(value) or len(value) > longest):
            raise ValidationError(f"must be one word of at most {longest} ASCII characters")

    return validate


def secret(value: str) -> None:
    """Raise ValidationError for a SECRET_KEY that can be guessed."""
    if len(value) < 50 or len(set(value)) < 5:
        raise ValidationError("must be 50 random characters or more")
    if value.startswith(SECRET_KEY_INSECURE_PREFIX):
        raise ValidationError(f"begins with {SECRET_KEY_INSECURE_PREFIX}, so it may be public")


def not_negative(number: float) -> None:
    """Raise ValidationError for a number below 0."""
    if number < 0:
        raise ValidationError("must be 0 or more")


def positive(number: float) -> None:
    """Raise ValidationError for a number that is not above 0."""
    if number <= 0:
        raise ValidationError("must be more than 0")


def at_most(limit: int) -> Callable[[float], None]:
    """Return a validator that raises ValidationError for a number above a limit."""

    def validate(number: float) -> None:
        if number > limit:
            raise ValidationError(f"must be {limit} or less")

    return validate
