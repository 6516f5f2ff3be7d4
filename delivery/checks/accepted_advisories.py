"""The reviewed list of advisories that stop no deploy: accepted-advisories.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from delivery.errors import Failure
from delivery.paths import ROOT

FILE = ROOT / "accepted-advisories.toml"
KEYS = {"id", "reason", "until"}


def accepted(today: date, file: Path = FILE) -> dict[str, str]:
    """Return the reason of each accepted advisory by its id; raise Failure for a past date."""
    try:
        listed = tomllib.loads(file.read_text()).get("advisory", [])
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise Failure(f"{file.name}: {error}") from None
    for advisory in listed:
        check(advisory, today)
    return {advisory["id"]: advisory["reason"] for advisory in listed}


def check(advisory: Mapping[str, Any], today: date) -> None:
    """Raise Failure unless an entry is complete and its date is not past."""
    name = f"{FILE.name}: {advisory.get('id', 'an advisory without an id')}"
    if advisory.keys() != KEYS or not str(advisory["reason"]).strip():
        raise Failure(f"{name}: give it an id, a reason, and until = YYYY-MM-DD, and nothing else")
    until = advisory["until"]
    if type(until) is not date:
        raise Failure(f"{name}: until is {until!r}, which is not a date such as 2026-12-31")
    if until < today:
        raise Failure(
            f"{name}: accepted until {until}, which is past. Update what it is about, or look at it"
            " again and give it a new date"
        )
