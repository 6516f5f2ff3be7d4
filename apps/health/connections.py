"""Requirements on a connection to MySQL: TLS where configured, and a server that takes writes."""

from collections.abc import Callable
from typing import Any

from django.db import DatabaseError, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

# The error of MySQL's own client. https://dev.mysql.com/doc/mysql-errors/8.4/en/client-error-reference.html
NO_TLS = (2026, "ssl_mode=REQUIRED asks for TLS, and the server offers none")
# The server, the transaction, or InnoDB is read-only.
# https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html
READ_ONLY = {1290, 1792, 1836, 1874}


def require_tls(connection: BaseDatabaseWrapper, **_kwargs: Any) -> None:
    """Refuse a connection without TLS where DATABASE_URL has ssl_mode=REQUIRED.

    MariaDB's client library, which the image contains, would continue without TLS.
    """
    options = connection.settings_dict["OPTIONS"]
    if connection.vendor != "mysql" or options.get("ssl_mode") != "REQUIRED":
        return
    with connection.cursor() as cursor:
        cursor.execute("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
        encrypted = bool(cursor.fetchone()[1])
    if not encrypted:
        connection.close()
        raise OperationalError(*NO_TLS)


def is_read_only(connection: BaseDatabaseWrapper) -> bool:
    """Return whether the server refuses writes, as the old primary does after a failover.

    This is one exchange with the server. Django's cursor would need a second one.
    """
    if connection.vendor != "mysql":
        connection.cursor().close()
        return False
    mariadb = getattr(connection, "mysql_is_mariadb", False)
    transaction = "@@tx_read_only" if mariadb else "@@transaction_read_only"
    connection.ensure_connection()
    with connection.wrap_database_errors:
        driver: Any = connection.connection
        driver.query(f"SELECT @@read_only OR @@innodb_read_only OR {transaction}")
        return bool(int(driver.store_result().fetch_row()[0][0]))


def renew_when_read_only(connection: BaseDatabaseWrapper, **_kwargs: Any) -> None:
    """Make the connection close after a request whose write was refused as read-only.

    The next request opens a connection, which leads to the new primary.
    """
    if _close_when_read_only not in connection.execute_wrappers:
        connection.execute_wrappers.append(_close_when_read_only)


def _close_when_read_only(
    execute: Callable[..., Any], sql: str, parameters: Any, many: bool, context: dict[str, Any]
) -> Any:
    try:
        return execute(sql, parameters, many, context)
    except DatabaseError as error:
        if READ_ONLY.intersection(error.args[:1]):
            context["connection"].close_at = 0
        raise
