from collections.abc import Iterator
from unittest.mock import MagicMock, Mock

import pytest
from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper

from apps.health.connections import require_tls

pytestmark = pytest.mark.django_db


@pytest.fixture
def another() -> Iterator[BaseDatabaseWrapper]:
    """A connection of its own, not opened yet."""
    database = connection.copy()
    yield database
    database.close()


def cipher(database: BaseDatabaseWrapper) -> str:
    with database.cursor() as cursor:
        cursor.execute("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
        return str(cursor.fetchone()[1])


def test_tls_that_is_required_is_there_or_nothing_is(another: BaseDatabaseWrapper) -> None:
    another.settings_dict["OPTIONS"]["ssl_mode"] = "REQUIRED"
    try:
        assert cipher(another)
    except OperationalError as refused:
        assert "ssl_mode=REQUIRED" in str(refused)
        assert another.connection is None


def test_tls_is_enough() -> None:
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
