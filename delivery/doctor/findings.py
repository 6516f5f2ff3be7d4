"""Findings of scripts/doctor: one line each, with the command that fixes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from delivery.errors import Failure

OK, MISSING, WRONG, NOT_ASKED = "ok", "missing", "wrong", "not asked"
# The guide's section 4.
KEY_DAYS = 92  # quarterly
DATABASE_DAYS = 365


@dataclass(frozen=True)
class Finding:
    state: str
    what: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.state:9}  {self.what}{f' -> {self.fix}' if self.fix else ''}"


Findings = Iterator[Finding]


def asked(part: str, find: Callable[[], Findings]) -> Findings:
    """Yield the findings of a part; a failed request is a finding, too."""
    try:
        yield from find()
    except Failure as failure:
        yield Finding(NOT_ASKED, part, str(failure))


def age(when: str | float) -> timedelta:
    """Return the age of a time, which version 1 of the AWS CLI gives in seconds."""
    if isinstance(when, (int, float)):
        return datetime.now(UTC) - datetime.fromtimestamp(when, UTC)
    return datetime.now(UTC) - datetime.fromisoformat(when)


def by_age(what: str, when: str | float, days: int, fix: str) -> Finding:
    """Return the finding on a secret's age, by the guide's period of rotation."""
    old = age(when).days
    if old > days:
        return Finding(WRONG, f"{what} is {old} days old; the limit is {days}", fix)
    return Finding(OK, f"{what} is {old} days old; the limit is {days}")
