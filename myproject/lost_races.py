"""Repeat transactions that lose a race against others."""

from collections.abc import Callable
from typing import TypeVar

from django.db import IntegrityError, OperationalError

# More than the transactions that meet at once: in each round at least one of them succeeds.
ATTEMPTS = 10
# MySQL's error numbers for a lock wait timeout and for a deadlock.
# https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html
LOST_RACE = {1205, 1213}

T = TypeVar("T")


def repeat(transact: Callable[[], T]) -> T:
    """Return the result of a transaction, which starts again each time that it loses a race.

    It must be the outermost transaction, because a deadlock undoes all of them.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return transact()
        except IntegrityError:
            continue
        except OperationalError as error:
            if error.args[0] not in LOST_RACE:
                raise
    return transact()
