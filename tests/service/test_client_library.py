"""The tests run on the MySQL client library that is in the image."""

import MySQLdb


def test_the_client_library_is_mariadbs() -> None:
    # Oracle's counts as the server does, 8.0 and on.
    version = MySQLdb.get_client_info()
    assert version.startswith(
        "3."
    ), f"{version}: scripts/install-mysql-client, and mysqlclient anew"
