"""Hooks and fixtures for all tests."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import django
import pytest
from django.conf import settings
from django.core.cache import caches
from django.db import connection
from redis import Redis, RedisError
from xdist.scheduler import LoadFileScheduling

from myproject.startup import one_line_errors

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parent
NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
# These folders do not test the service; a test there that needs a server asks for it itself.
DELIVERY = ROOT / "tests" / "delivery"
# By default, Redis has 16 numbered databases. Each worker takes one.
NUMBERS = 16


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return the number of workers for --numprocesses=auto: one per core, at most half of NUMBERS.

    So two runs at once find a number for each of their workers.
    """
    return min(os.cpu_count() or 1, NUMBERS // 2)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give all tests of a file to one worker, as --dist=loadfile does, and some files together.

    The files of tests/service share a running service, which takes longer to start than to test.
    All tests of the service share a database. Where other tests occupy the other workers, one
    worker runs all of them, and no second database is made.
    """
    if config.getvalue("dist") != "loadfile":
        return None
    paths = arguments(config)
    others = any(DELIVERY.is_relative_to(path) for path in paths)

    def shared(nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if others and not (ROOT / file).is_relative_to(DELIVERY):
            return "the service"
        return "tests/service" if file.startswith("tests/service/") else file

    scheduling = LoadFileScheduling(config, log)
    scheduling._split_scope = shared
    return scheduling


def arguments(config: pytest.Config) -> list[Path]:
    """Return the files and folders on the command line."""
    words = (word.partition("::")[0] for word in config.args)
    return [(config.invocation_params.dir / word).resolve() for word in words]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Measure coverage of the service with its own tests alone, which is also faster."""
    for item in items:
        if item.path.is_relative_to(DELIVERY):
            item.add_marker("no_cover")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Report once, and not for each test, that MySQL or Redis does not answer."""
    config = session.config
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    versions = {"Python": platform.python_version(), "Django": django.__version__}
    if not all(path.is_relative_to(DELIVERY) for path in arguments(config)):
        versions["MySQL"] = version_of_mysql()
    # pytest's state for --junit-xml, if that option is given.
    for plugin in config.pluginmanager.get_plugins():
        if hasattr(plugin, "add_global_property"):
            for name, version in versions.items():
                plugin.add_global_property(name, version)


def version_of_mysql() -> str:
    """Return MySQL's version; end the session if MySQL or Redis does not answer."""
    problem = ""
    try:
        with one_line_errors(), connection.wrap_database_errors:
            parameters = connection.get_connection_params()
            parameters.pop("database")  # it may not exist yet
            with connection.get_new_connection(parameters) as server, server.cursor() as cursor:
                cursor.execute("SELECT VERSION()")
                version = str(cursor.fetchone()[0])
        caches["default"].get("servers_answer")
    except SystemExit as refused:
        problem = str(refused)
    except RedisError as error:
        problem = f"REDIS_URL: Redis can't be used: {error}"
    if problem:
        pytest.exit(problem, returncode=1)
    return version


@pytest.fixture(scope="session", autouse=True)
def number(request: pytest.FixtureRequest) -> Iterator[int | None]:
    """Reserve a number that no other worker of any run uses, for the Redis database."""
    if all(item.path.is_relative_to(DELIVERY) for item in request.session.items):
        yield None
        return
    url = urlsplit(os.environ["REDIS_URL"])
    first = int(url.path.strip("/") or 0)
    for number in (*range(first, NUMBERS), *range(first)):
        own = url._replace(path=f"/{number}").geturl()
        with Redis.from_url(own) as redis:
            # It expires, in case this process is killed.
            if redis.set("pytest", os.getpid(), nx=True, ex=3600):
                os.environ["REDIS_URL"] = settings.CACHES["default"]["LOCATION"] = own
                yield number
                redis.delete("pytest")
                return
    pytest.exit(f"REDIS_URL: all {NUMBERS} numbers are taken by other runs of the tests", 1)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    request: pytest.FixtureRequest, number: int | None, django_db_keepdb: bool
) -> None:
    """Give each worker a test database of its own."""
    keep = django_db_keepdb and not hasattr(request.config, "workerinput")
    connection.settings_dict["TEST"]["NAME"] = name_database(number, keep=keep)


def name_database(number: int | None, *, keep: bool) -> str:
    """Return the name of the test database; with --reuse-db the name that pytest-django would use.

    So scripts/check-rollback can hand over a schema for the tests to run on.
    """
    name = f"test_{connection.settings_dict['NAME']}"
    return name if keep else f"{name}_{number}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Imported only where it is used, because it takes long.
    from playwright.sync_api import sync_playwright

    executable = next(filter(None, map(shutil.which, NAMES)), None)
    if not executable:
        pytest.skip(f"no browser on this machine: looked for {', '.join(NAMES)}")
    with pytest.MonkeyPatch.context() as patch:
        # Not for the whole session: Playwright keeps an event loop on this thread, in which Django
        # refuses to query, and no other loop can run.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        with sync_playwright() as playwright:
            yield playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
