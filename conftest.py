"""What holds for every test, wherever it stands."""

import platform
import shutil
from collections.abc import Callable, Iterator

import django
import pytest
from django.core.cache import caches
from django.db import connection
from playwright.sync_api import Browser, sync_playwright
from pytest_django import DjangoDbBlocker
from redis import RedisError

from myproject.startup import one_line_errors

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
# These test what is not the service; what of them needs a server asks it itself.
DELIVERY = ("rehearsal/", "tests/delivery/")


@pytest.fixture(scope="session", autouse=True)
def servers_answer(
    request: pytest.FixtureRequest,
    django_db_blocker: DjangoDbBlocker,
    record_testsuite_property: Callable[[str, object], None],
) -> None:
    """No service is tested without its servers: say so once, and not once for each test."""
    record_testsuite_property("Python", platform.python_version())
    record_testsuite_property("Django", django.__version__)
    if all(item.nodeid.startswith(DELIVERY) for item in request.session.items):
        return
    problem = ""
    try:
        with django_db_blocker.unblock(), one_line_errors(), connection._nodb_cursor() as cursor:
            cursor.execute("SELECT VERSION()")
            record_testsuite_property("MySQL", cursor.fetchone()[0])
        caches["default"].get("servers_answer")
    except SystemExit as refused:
        problem = str(refused)
    except RedisError as error:
        problem = f"REDIS_URL: Redis can't be used: {error}"
    # Not within `except`: pytest would take a second to read the source of all that led there.
    if problem:
        pytest.exit(problem, returncode=1)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = next(filter(None, map(shutil.which, NAMES)), None)
    if not executable:
        pytest.skip(f"no browser on this machine: looked for {', '.join(NAMES)}")
    with pytest.MonkeyPatch.context() as patch:
        # Playwright keeps an event loop on this thread, in which Django refuses to query, and no
        # other can run: so not for the whole session.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        with sync_playwright() as playwright:
            yield playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
