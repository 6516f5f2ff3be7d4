from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.backends.base.base import BaseDatabaseWrapper

# An account of MySQL may have two passwords; changing the first one does not touch the second.
# https://dev.mysql.com/doc/refman/8.4/en/password-management.html#dual-passwords
STATEMENTS = {
    "check": "SELECT 1",
    "keep": "ALTER USER USER() IDENTIFIED BY %s RETAIN CURRENT PASSWORD",
    "discard": "ALTER USER USER() DISCARD OLD PASSWORD",
}


def change(database: BaseDatabaseWrapper, act: str) -> None:
    """Run one step of a rotation with the password of DATABASE_URL, which is never printed."""
    password = str(database.settings_dict["PASSWORD"])
    try:
        with database.cursor() as cursor:
            cursor.execute(STATEMENTS[act], [password] if act == "keep" else None)
    except DatabaseError as error:
        said = str(error.args[-1])
        raise CommandError(said.replace(password, "***") if password else said) from None


class Command(BaseCommand):
    help = (
        "A step of scripts/rotate-secrets, inside the network: check that MySQL takes today's"
        " password, keep it beside the one that comes next, discard the one before."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("act", choices=list(STATEMENTS))

    def handle(self, *_args: Any, **options: Any) -> None:
        change(connection, options["act"])
        self.stdout.write(f"database password: {options['act']}: done")
