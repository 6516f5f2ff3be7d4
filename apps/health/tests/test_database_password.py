import os
import secrets
from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from apps.health.management.commands.database_password import change

pytestmark = pytest.mark.django_db
# The accounts of a server are those of every worker on it.
NAME, PASSWORD = f"rotated_{os.getpid()}", secrets.token_hex(12)


@pytest.fixture
def admin() -> Iterator[BaseDatabaseWrapper]:
    """A connection of its own: changing an account commits the open transaction."""
    database = connection.copy()
    yield database
    database.close()


@pytest.fixture
def account(admin: BaseDatabaseWrapper) -> Iterator[str]:
    """An account of MySQL without any privilege."""
    with admin.cursor() as cursor:
        cursor.execute("SELECT SUBSTRING_INDEX(USER(), '@', -1)")
        name = f"'{NAME}'@'{cursor.fetchone()[0]}'"
        cursor.execute(f"CREATE USER {name} IDENTIFIED BY %s", [PASSWORD])
        yield name
        cursor.execute(f"DROP USER {name}")


def logged_in(password: str) -> BaseDatabaseWrapper:
    database = connection.copy()
    # Of no database: this account may use none.
    database.settings_dict |= {"USER": NAME, "PASSWORD": password, "NAME": ""}
    return database


def lets_in(password: str) -> bool:
    database = logged_in(password)
    try:
        change(database, "check")
    except CommandError as refused:
        assert "Access denied" in str(refused)
        return False
    finally:
        database.close()
    return True


def test_the_password_of_database_url_is_checked(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("database_password", "check")
    assert capsys.readouterr().out == "database password: check: done\n"


def test_a_wrong_password_is_refused(account: str) -> None:
    assert lets_in(PASSWORD)
    assert not lets_in("another")


def test_a_missing_permission_is_reported_without_the_password(account: str) -> None:
    database = logged_in(PASSWORD)
    with pytest.raises(CommandError) as refused:
        change(database, "keep")
    database.close()
    assert PASSWORD not in str(refused.value)


def test_the_old_password_works_until_it_is_discarded(
    admin: BaseDatabaseWrapper, account: str
) -> None:
    with admin.cursor() as cursor:
        cursor.execute("SELECT VERSION()")
        if "MariaDB" in cursor.fetchone()[0]:
            pytest.skip("MariaDB keeps no second password: only MySQL shows this")
        cursor.execute(f"GRANT APPLICATION_PASSWORD_ADMIN ON *.* TO {account}")
        database = logged_in(PASSWORD)
        change(database, "keep")
        database.close()
        # As RDS does it: the change says nothing of the password before.
        cursor.execute(f"ALTER USER {account} IDENTIFIED BY 'the next one'")
    assert lets_in(PASSWORD)
    assert lets_in("the next one")
    database = logged_in("the next one")
    change(database, "discard")
    database.close()
    assert not lets_in(PASSWORD)
    assert lets_in("the next one")
