"""What a connection to MySQL has to be, beyond open."""

from typing import Any

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

# As MySQL's own client says it. https://dev.mysql.com/doc/mysql-errors/8.4/en/client-error-reference.html
NO_TLS = (2026, "ssl_mode=REQUIRED asks for TLS, and the server offers none")


def require_tls(connection: BaseDatabaseWrapper, **_kwargs: Any) -> None:
    """Refuse a connection without TLS where DATABASE_URL has ssl_mode=REQUIRED.

    MariaDB's client library, which the image has, goes on without it.
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
