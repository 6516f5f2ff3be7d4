"""What holds for every test, wherever it stands."""

import platform
from collections.abc import Callable

import django
import pytest
from django.core.cache import caches
from django.db import connection
from pytest_django import DjangoDbBlocker
from redis import RedisError

from myproject.startup import one_line_errors


@pytest.fixture(scope="session", autouse=True)
def servers_answer(
    django_db_blocker: DjangoDbBlocker, record_testsuite_property: Callable[[str, object], None]
) -> None:
    """Nothing is tested without its servers: say so once, and not once for each test."""
    try:
        with django_db_blocker.unblock(), one_line_errors(), connection._nodb_cursor() as cursor:
            cursor.execute("SELECT VERSION()")
            record_testsuite_property("MySQL", cursor.fetchone()[0])
        caches["default"].get("servers_answer")
    except SystemExit as refused:
        pytest.exit(str(refused), returncode=1)
    except RedisError as error:
        pytest.exit(f"REDIS_URL: Redis can't be used: {error}", returncode=1)
    record_testsuite_property("Python", platform.python_version())
    record_testsuite_property("Django", django.__version__)
