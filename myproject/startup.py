"""Readable errors for what prevents the service from starting."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError
from django.db.migrations.exceptions import InconsistentMigrationHistory

# MySQL's error numbers for a server that is unreachable or refuses the login. Any other error is a
# defect, and keeps its traceback. https://dev.mysql.com/doc/mysql-errors/8.4/en/
REFUSED = {1040, 1044, 1045, 1049, 1115, 1129, 1130, 1203, 1226, 1231, 1251, 1273, 1820, 1862}
REFUSED |= {2002, 2003, 2005, 2013, 2019, 2026, 2054, 2059, 2061, 3118, 3159}


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End the program with a message and exit code 1 if its environment is wrong."""
    try:
        yield
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    except ModuleNotFoundError as error:
        module = os.environ.get("DJANGO_SETTINGS_MODULE", "")
        if not error.name or not f"{module}.".startswith(f"{error.name}."):
            raise
        sys.exit(f"DJANGO_SETTINGS_MODULE: there is no module {module}")
    except InconsistentMigrationHistory as error:
        sys.exit(
            f"DATABASE_URL: other code has migrated this database: {error}"
            " Keep its data: docs/fork.md#the-user-model. Nothing to keep: make it anew"
            " (rm db.sqlite3)"
        )
    except OperationalError as error:
        if not REFUSED.intersection(error.args):
            raise
        sys.exit(f"DATABASE_URL: the database can't be used: {error.args[1]}")
