from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import MagicMock, Mock

import pytest
from django.db import OperationalError, close_old_connections, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from apps.health import checks
from apps.health.connections import is_read_only, require_tls

pytestmark = pytest.mark.django_db


@pytest.fixture
def another() -> Iterator[BaseDatabaseWrapper]:
    """A second connection, not opened yet."""
    database = connection.copy()
    yield database
    database.close()


def cipher(database: BaseDatabaseWrapper) -> str:
    with database.cursor() as cursor:
        cursor.execute("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
        return str(cursor.fetchone()[1])


def test_required_tls_is_used_or_the_connection_is_refused(another: BaseDatabaseWrapper) -> None:
    another.settings_dict["OPTIONS"]["ssl_mode"] = "REQUIRED"
    try:
        assert cipher(another)
    except OperationalError as refused:
        assert "ssl_mode=REQUIRED" in str(refused)
        assert another.connection is None


def test_a_connection_with_tls_is_accepted() -> None:
    # Not every server that tests run on offers TLS.
    database = Mock(vendor="mysql", settings_dict={"OPTIONS": {"ssl_mode": "REQUIRED"}})
    database.cursor.return_value = MagicMock()
    database.cursor().__enter__().fetchone.return_value = ("Ssl_cipher", "TLS_AES_256_GCM_SHA384")
    require_tls(database)
    assert not database.close.called


def test_a_connection_without_tls_is_closed(another: BaseDatabaseWrapper) -> None:
    another.settings_dict["OPTIONS"]["ssl_mode"] = "DISABLED"
    assert cipher(another) == ""
    another.settings_dict["OPTIONS"]["ssl_mode"] = "REQUIRED"
    with pytest.raises(OperationalError, match="ssl_mode=REQUIRED"):
        require_tls(another)
    assert another.connection is None


# --- read-only


@pytest.fixture
def thread() -> Iterator[Callable[[Callable[[], None]], None]]:
    """A thread with its own connection, like a check's or a request's."""
    with ThreadPoolExecutor(1) as pool:
        yield lambda act: pool.submit(act).result()
        pool.submit(connections.close_all).result()


def make_read_only() -> None:
    """Make the server refuse writes of this connection, as after a failover."""
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION READ ONLY")


def write() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE django_migrations SET app = app WHERE id = 0")


InThread = Callable[[Callable[[], None]], None]


def test_a_check_replaces_a_read_only_connection(thread: InThread) -> None:
    thread(make_read_only)
    thread(checks.check_database)
    thread(write)


def test_a_database_that_stays_read_only_is_not_ready(
    thread: InThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "is_read_only", lambda connection: True)
    with pytest.raises(checks.Unready, match="the database is read-only"):
        thread(checks.check_database)


def test_a_check_replaces_a_broken_connection(thread: InThread) -> None:
    def kill() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT CONNECTION_ID()")
            [number] = cursor.fetchone()
        killer = connection.copy()
        with killer.cursor() as cursor:
            cursor.execute("KILL %s", [number])
        killer.close()

    thread(kill)
    thread(checks.check_database)


def test_the_request_after_a_refused_write_can_write(thread: InThread) -> None:
    thread(make_read_only)
    with pytest.raises(OperationalError, match=r"READ ONLY"):
        thread(write)
    thread(close_old_connections)  # as Django does between two requests
    thread(write)


def test_another_error_keeps_the_connection(thread: InThread) -> None:
    def fail() -> None:
        connection.ensure_connection()
        before = connection.connection
        with pytest.raises(OperationalError), connection.cursor() as cursor:
            cursor.execute("SELECT nothing")
        close_old_connections()
        assert connection.connection is before

    thread(fail)


@pytest.mark.parametrize(("mariadb", "word"), [(True, "@@tx_"), (False, "@@transaction_")])
def test_each_kind_of_server_gets_its_own_query(mariadb: bool, word: str) -> None:
    database = MagicMock(vendor="mysql", mysql_is_mariadb=mariadb)
    database.connection.store_result().fetch_row.return_value = ((1,),)
    assert is_read_only(database)
    assert f" OR {word}read_only" in database.connection.query.call_args[0][0]


def test_another_kind_of_database_only_has_to_answer() -> None:
    database = MagicMock(vendor="sqlite")
    assert not is_read_only(database)
    assert database.cursor.called
