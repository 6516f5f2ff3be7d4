"""MySQL's binary log: where in it the transactions after a moment begin.

https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_replication_binlog_event.html
mysqlbinlog --stop-datetime goes by the same times, but Docker's image of MySQL has no mysqlbinlog.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from datetime import datetime

MAGIC = b"\xfebin"
# The header of each event: its time in seconds, its type, the server, and its size.
HEADER = struct.Struct("<IBII")
HEADER_SIZE = 19
# A transaction begins with its GTID: one of a server, one of none, or one with a tag.
BEGINS = {33, 34, 42}


def end_of(until: datetime, names: Sequence[str], read: Callable[[str], bytes]) -> tuple[str, int]:
    """Return the file and the position at which the first transaction after a moment begins.

    Where there is none, it is the end of the last file.
    """
    name, position = "", 0
    for name in names:
        position, is_found = end_in(read(name), int(until.timestamp()))
        if is_found:
            break
    return name, position


def end_in(log: bytes, until: int) -> tuple[int, bool]:
    """Return where a file's first transaction after a second begins, else its end and False."""
    position = len(MAGIC)
    while position + HEADER_SIZE <= len(log):
        written, kind, _, size = HEADER.unpack_from(log, position)
        if kind in BEGINS and written > until:
            return position, True
        position += size
    return position, False
