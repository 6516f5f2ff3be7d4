from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader

LIMITS = {"read_timeout", "write_timeout"}


def patient_copy(host: str = "") -> BaseDatabaseWrapper:
    """Return a connection to the same database, or to its like on a host, that waits for long."""
    database = connection.copy()
    settings = database.settings_dict
    settings["OPTIONS"] = {k: v for k, v in settings["OPTIONS"].items() if k not in LIMITS}
    settings["HOST"] = host or settings["HOST"]
    return database


def count_rows(database: BaseDatabaseWrapper) -> dict[str, int]:
    """Return the number of rows in each table."""
    counted = {}
    with database.cursor() as cursor:
        for table in database.introspection.table_names(cursor):
            name = database.ops.quote_name(table)
            cursor.execute(f"SELECT COUNT(*) FROM {name}")  # noqa: S608
            counted[table] = cursor.fetchone()[0]
    return counted


def compare(here: dict[str, int], there: dict[str, int]) -> Iterator[str]:
    """Yield a line for each table that does not have as many rows on both hosts."""
    same = 0
    for table in sorted(here.keys() | there.keys()):
        numbers = [counted.get(table, "no table") for counted in (here, there)]
        if numbers[0] == numbers[1]:
            same += 1
        else:
            more = there.get(table, 0) - here.get(table, 0)
            yield f"  {table}: {numbers[0]} -> {numbers[1]} ({more:+})"
    yield f"  tables with as many rows on both: {same}"


def unapplied_migrations(database: BaseDatabaseWrapper) -> list[str]:
    """Return the migrations of this version that a database lacks."""
    loader = MigrationLoader(database)
    names = loader.disk_migrations.keys() - loader.applied_migrations.keys()
    return sorted(".".join(name) for name in names)


class Command(BaseCommand):
    help = (
        "A step of scripts/restore-database, inside the network: compare the number of rows in each"
        " table with that on another host, which has the same account."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("host", metavar="HOST")

    def handle(self, *_args: Any, **options: Any) -> None:
        with closing(patient_copy()) as ours, closing(patient_copy(options["host"])) as theirs:
            names = [
                database.settings_dict["HOST"].partition(".")[0] for database in (ours, theirs)
            ]
            try:
                lines = [*compare(count_rows(ours), count_rows(theirs))]
                missing = unapplied_migrations(theirs)
            except DatabaseError as error:
                raise CommandError(f"{' and '.join(names)}: {error.args[-1]}") from None
        self.stdout.write(f"rows on {names[0]} -> on {names[1]}:")
        for line in lines:
            self.stdout.write(line)
        if missing:
            self.stdout.write(f"{names[1]} lacks migrations of this version: {', '.join(missing)}")
