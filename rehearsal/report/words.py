"""Durations, dates and counts as texts."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from rehearsal.timeline import Outcome

NO_BREAK = "\N{NO-BREAK SPACE}"
# base.css or report.css has a shape for each of these.
STATUS: dict[Outcome, str] = {
    "success": "ok",
    "failure": "failed",
    "skipped": "skipped",
    "running": "running",
}
WORD: dict[Outcome, str] = {
    "success": "passed",
    "failure": "failed",
    "skipped": "skipped",
    "running": "interrupted",
}
# Colours, cursor movements, window titles and other control characters.
CONTROL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f]"
)


def duration(seconds: float) -> str:
    """Return a duration as text: 0.4 s, 41 s, 4 min 12 s."""
    if seconds < 9.95:
        return f"{seconds:.1f}{NO_BREAK}s"
    minutes, rest = divmod(round(seconds), 60)
    parts = [f"{minutes}{NO_BREAK}min"] if minutes else []
    if rest or not minutes:
        parts.append(f"{rest}{NO_BREAK}s")
    return NO_BREAK.join(parts)


def clock(seconds: float) -> str:
    """Return a moment of the rehearsal as minutes and seconds: 4:12."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"


def count(number: int, noun: str) -> str:
    return f"{number:,}{NO_BREAK}{noun}{'' if number == 1 else 's'}"


def short(commit: str) -> str:
    """Return a commit in Git's short form; any other text unchanged."""
    return commit[:7] if re.fullmatch(r"[0-9a-f]{40}", commit) else commit or "unknown"


def revision(name: str) -> str:
    """Return "revision N" for an ARN or FAMILY:N of a task definition."""
    number = name.rpartition(":")[2]
    return f"revision {number}" if number.isdigit() else name


def plain(line: str) -> str:
    """Return a log line without terminal escape sequences."""
    return CONTROL.sub("", line)


def date(moment: str) -> str:
    """Return an ISO 8601 time in a readable form, in UTC; any other text unchanged."""
    try:
        parsed = datetime.fromisoformat(moment).astimezone(UTC)
    except ValueError:
        return moment
    return f"{parsed.day}{NO_BREAK}{parsed:%b %Y %H:%M}"
