"""Compare what two versions of a project show of the rows that each wrote on one schema.

A column is blind if a version reads the same value from it in all rows of the other version, but
not in its own rows. A blind column alone is not a fault: a new column is blind, and so is one that
will be dropped. It is a fault if the other version also wrote a value that this version shows
nowhere: then this version does not read the column that has the value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypedDict

# A shorter text may be part of another one by chance.
SHORTEST = 6
# MySQL's number for an INSERT without a column that has no default.
NO_DEFAULT = "(1364,"

Keys = dict[str, list[str]]  # primary keys by table


class Row(TypedDict):
    values: dict[str, list[str]]  # a type and a text by column
    text: str  # what people see
    error: str  # why they see nothing


class Table(TypedDict):
    columns: list[str]
    labels: dict[str, dict[str, str]]
    rows: dict[str, Row]
    error: str


Tables = dict[str, Table]


class Report(TypedDict):
    """The result of one run of sample_rows.py."""

    before: Tables
    after: Tables
    problems: dict[str, str]
    changes: dict[str, list[str]]  # columns by migration


@dataclass(frozen=True)
class Version:
    """A version of the project, what it shows, and the rows that it wrote."""

    name: str
    shows: Tables
    wrote: Keys


@dataclass(frozen=True)
class Pair:
    """A table's rows that one version wrote, as both versions show them."""

    table: str
    writer: Version
    reader: Version
    keys: list[str]

    def rows(self, version: Version) -> list[Row]:
        """Return the rows that both versions show, as one of them does."""
        both = self.writer.shows[self.table]["rows"], self.reader.shows[self.table]["rows"]
        rows = version.shows[self.table]["rows"]
        return [rows[key] for key in self.keys if all(key in one for one in both)]

    def sides(self) -> list[tuple[Row, Row]]:
        return list(zip(self.rows(self.writer), self.rows(self.reader), strict=True))

    def columns(self, version: Version) -> list[str]:
        return version.shows[self.table]["columns"]

    def own(self) -> list[Row]:
        """Return the reader's own rows."""
        rows = self.reader.shows[self.table]["rows"]
        return [rows[key] for key in self.reader.wrote.get(self.table, []) if key in rows]

    def blind(self) -> list[str]:
        """Return the reader's columns with one value in all rows of the writer, but not its own."""
        rows, own = self.rows(self.reader), self.own()
        if len(rows) < 2:
            return []
        return [
            name
            for name in self.columns(self.reader)
            if len(texts(rows, name)) == 1 and len(texts(own, name)) > 1
        ]

    def lost(self) -> list[str]:
        """Return the writer's other columns, where the reader shows their values nowhere."""
        known, rows = self.columns(self.reader), self.rows(self.writer)
        return [
            name
            for name in self.columns(self.writer)
            if name not in known and len(texts(rows, name)) > 1 and not self.finds(name)
        ]

    def finds(self, column: str) -> bool:
        """Return whether each value of the column is in some column of the reader."""
        for row, read in self.sides():
            value = text(row, column)
            found = [text(read, name) for name in self.columns(self.reader)]
            part = len(value) >= SHORTEST and any(value in one for one in found)
            if value not in found and not part:
                return False
        return True

    def lost_to_people(self) -> list[str]:
        """Return the columns whose values people see in the writer, but not in the reader."""
        lost = (
            name
            for row, read in self.sides()
            for name in self.columns(self.writer)
            if is_seen(row, name) and text(row, name) not in read["text"]
        )
        return sorted(set(lost))


def text(row: Row, column: str) -> str:
    return row["values"][column][1]


def texts(rows: list[Row], column: str) -> set[str]:
    return {text(row, column) for row in rows}


def is_seen(row: Row, column: str) -> bool:
    return len(text(row, column)) >= SHORTEST and text(row, column) in row["text"]


def written(report: Report) -> Keys:
    """Return the primary keys of the rows that a run wrote."""
    return {
        name: [key for key in table["rows"] if key not in report["before"][name]["rows"]]
        for name, table in report["after"].items()
    }


def pairs(writer: Version, reader: Version, keys: Keys) -> Iterator[Pair]:
    """Yield the tables that both versions can read, with rows that the writer wrote."""
    for table in sorted(keys):
        if table in writer.shows and table in reader.shows:
            yield Pair(table, writer, reader, keys[table])


def unread(version: Version) -> Iterator[str]:
    for name, table in version.shows.items():
        if table["error"]:
            yield f"{name}: {version.name} can't read this table: {table['error']}"


def changed(name: str, before: Tables, after: Tables, keys: Keys) -> Iterator[tuple[str, str]]:
    """Yield each column whose values a version reads differently after the migration, and how."""
    for table in sorted(keys):
        for column in before[table]["columns"]:
            for key in keys[table]:
                was = before[table]["rows"][key]["values"][column]
                row = after[table]["rows"].get(key)
                if row and was[1] and (now := row["values"][column]) != was:
                    yield f"{table}.{column}", (
                        f"{name} wrote {' '.join(was)!r}, and after the migration it reads"
                        f" {' '.join(now)!r}"
                    )
                    break


def unseen(pair: Pair) -> Iterator[str]:
    """Yield the rows that the reader does not or can't show."""
    table, writer, reader = pair.table, pair.writer, pair.reader
    shown, read = writer.shows[table]["rows"], reader.shows[table]["rows"]
    if not reader.shows[table]["error"] and any(
        key in shown and key not in read for key in pair.keys
    ):
        yield f"{table}: {reader.name} does not show a row that {writer.name} wrote"
    for row, other in pair.sides():
        if other["error"] and not row["error"]:
            yield f"{table}: {reader.name} can't show a row of {writer.name}: {other['error']}"
            break


def misread(pair: Pair) -> Iterator[str]:
    """Yield the columns that have one value for the writer and another for the reader."""
    for name in pair.columns(pair.writer):
        if name in pair.columns(pair.reader):
            for row, read in pair.sides():
                if text(row, name) != text(read, name):
                    yield (
                        f"{pair.table}.{name}: {pair.writer.name} wrote {text(row, name)!r}, and"
                        f" {pair.reader.name} reads {text(read, name)!r}"
                    )
                    break


def relabelled(pair: Pair) -> Iterator[str]:
    """Yield the values whose label belongs to another value for the reader."""
    theirs = pair.reader.shows[pair.table]["labels"]
    for column, labels in pair.writer.shows[pair.table]["labels"].items():
        known = theirs.get(column, {})
        for value, label in labels.items():
            if known.get(value, label) != label and label in known.values():
                yield (
                    f"{pair.table}.{column}: {value!r} is {label!r} to {pair.writer.name}, and"
                    f" {known[value]!r} to {pair.reader.name}"
                )


def hidden(pair: Pair) -> Iterator[str]:
    """Yield the values that the writer stored in columns that the reader does not read."""
    blind, lost = pair.blind(), pair.lost()
    writer, reader = pair.writer.name, pair.reader.name
    if blind and lost:
        yield (
            f"{pair.table}: {writer} writes {', '.join(lost)}, which {reader} does not know;"
            f" {reader} reads {', '.join(blind)}, and finds no value that {writer} wrote"
        )
        return
    blind = [name for name in blind if any(is_seen(row, name) for row in pair.own())]
    lost = pair.lost_to_people()
    if blind and lost:
        yield (
            f"{pair.table}: {writer} shows {', '.join(lost)} to people; {reader} shows"
            f" {', '.join(blind)} instead, and finds no value that {writer} wrote"
        )


def all_faults(writer: Version, reader: Version, keys: Keys) -> Iterator[str]:
    for pair in pairs(writer, reader, keys):
        for faults in (unseen, misread, relabelled, hidden):
            yield from faults(pair)


def compare(
    first: Report, new_run: Report, old_run: Report, end: Tables
) -> tuple[list[str], list[str]]:
    """Return the faults of two versions that share a schema, and the cases that were not covered.

    The older version wrote rows first, and again on the schema that this version migrated. `end` is
    what this version shows at the end.
    """
    stored, later = written(first), written(old_run)
    both = {table: stored[table] + later.get(table, []) for table in stored}
    old = Version("the previous version", old_run["after"], both)
    new = Version("this version", end, written(new_run))
    faults = [*unread(old), *unread(new)]
    faults += unwritable(first, new_run, old_run)
    known = announced(first, new_run)
    found = changed(old.name, first["after"], old.shows, stored)
    faults += [f"{column}: {text}" for column, text in found if column not in known]
    # Separately: the migration may have filled in the stored rows, but not the later ones.
    for writer, reader, keys in ((old, new, stored), (old, new, later), (new, old, new.wrote)):
        faults += all_faults(writer, reader, keys)
    return list(dict.fromkeys(faults)), [*known.values(), *doubts(first, new_run, old, new)]


def announced(first: Report, new_run: Report) -> dict[str, str]:
    """Return the columns that migrations since the previous version declare as changed."""
    return {
        column: f"{column}: {migration} declares that it changes these values"
        for migration, columns in new_run["changes"].items()
        if migration not in first["changes"]
        for column in columns
    }


def unwritable(first: Report, new_run: Report, old_run: Report) -> Iterator[str]:
    """Yield the tables that a version can't write to on this schema."""
    for table, reason in old_run["problems"].items():
        if table not in first["problems"]:
            yield f"{table}: the previous version can't write to it any more: {reason}"
    for table, reason in new_run["problems"].items():
        if is_of_schema(reason):
            yield f"{table}: this version can't write to it: {reason}"


def is_of_schema(reason: str) -> bool:
    """Return whether the database refused the statement rather than the sample values."""
    return reason.startswith(("OperationalError", "ProgrammingError")) or NO_DEFAULT in reason


def doubts(first: Report, new_run: Report, old: Version, new: Version) -> Iterator[str]:
    """Yield the cases that a person must review, because this check can't decide them."""
    mine = {name: why for name, why in new_run["problems"].items() if not is_of_schema(why)}
    for table, reason in (first["problems"] | mine).items():
        yield f"{table}: no sample row could be generated ({reason})"
    for table in sorted(old.shows.keys() - new.shows.keys()):
        yield f"{table}: this version has no model for this table, so it wrote no row"
    for pair in pairs(new, old, new.wrote):
        for name in pair.blind() if not pair.lost() else ():
            yield (
                f"{pair.table}.{name}: this version does not write it, so the previous version"
                " finds no value in new rows"
            )
