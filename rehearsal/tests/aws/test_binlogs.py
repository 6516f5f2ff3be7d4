"""MySQL's binary log: the end of what happened up to a moment."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rehearsal.aws.binlogs import HEADER, HEADER_SIZE, MAGIC, end_of

FORMAT, ANONYMOUS_GTID, QUERY = 15, 34, 2
# A file begins with its format; each transaction has two events.
START = len(MAGIC) + HEADER_SIZE + 10
TRANSACTION = 2 * HEADER_SIZE + 30


def event(second: int, kind: int, size: int) -> bytes:
    return HEADER.pack(second, kind, 1, HEADER_SIZE + size) + bytes(
        HEADER_SIZE - HEADER.size + size
    )


def log(*seconds: int) -> bytes:
    """Return a file with a transaction in each of these seconds."""
    found = MAGIC + event(0, FORMAT, 10)
    for second in seconds:
        found += event(second, ANONYMOUS_GTID, 10) + event(second, QUERY, 20)
    return found


LOGS = {"binlog.1": log(10, 20), "binlog.2": log(), "binlog.3": log(30, 30, 40)}


@pytest.mark.parametrize(
    ("second", "end"),
    [
        (5, ("binlog.1", START)),
        (10, ("binlog.1", START + TRANSACTION)),
        (20, ("binlog.3", START)),
        (30, ("binlog.3", START + 2 * TRANSACTION)),
        (99, ("binlog.3", START + 3 * TRANSACTION)),
    ],
)
def test_what_happened_in_later_seconds_is_left_out(second: int, end: tuple[str, int]) -> None:
    at = datetime.fromtimestamp(second, UTC)
    assert end_of(at, list(LOGS), LOGS.__getitem__) == end


def test_an_event_that_is_still_being_written_is_left_out() -> None:
    whole = log(10)
    at = datetime.fromtimestamp(99, UTC)
    assert end_of(at, ["binlog.1"], lambda name: whole + b"cut") == ("binlog.1", len(whole))
