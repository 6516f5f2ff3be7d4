from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer
from waffle.testutils import override_flag

from apps.releases.tests.conftest import MakeReleases
from tests.accessible import assert_accessible

Visit = Callable[..., Page]


@pytest.fixture
def visit(browser: Browser, live_server: LiveServer) -> Iterator[Visit]:
    """Return a function that opens a page, and fails on errors and requests to other hosts."""
    complaints: list[str] = []
    hosts = set()
    contexts = []

    def open_page(path: str = "/releases/", **options: Any) -> Page:
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
        page.goto(f"{live_server.url}{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not complaints
    assert hosts == {urlsplit(live_server.url).netloc}


def test_empty_page_is_accessible(visit: Visit) -> None:
    assert_accessible(visit())


def test_full_page_is_accessible(visit: Visit, make_releases: MakeReleases) -> None:
    make_releases(45)
    with override_flag("release_statistics", active=True):
        page = visit("/releases/?page=2")
    assert page.get_by_text("The last 30 days").is_visible()
    assert_accessible(page)


def test_page_fits_a_small_phone(visit: Visit, make_releases: MakeReleases) -> None:
    make_releases(45)
    page = visit(viewport={"width": 360, "height": 640})
    heading, table = page.locator(".heading").bounding_box(), page.locator("table").bounding_box()
    assert heading and table and table["width"] == heading["width"] < 360


def test_history_works_without_javascript(visit: Visit, make_releases: MakeReleases) -> None:
    make_releases(45)
    page = visit(java_script_enabled=False)
    page.get_by_role("link", name="Superseded").click()
    page.get_by_role("link", name="Older").click()
    page.wait_for_url("**/releases/?outcome=superseded&page=2")
    assert page.get_by_role("row").count() == 14


def test_keyboard_reaches_the_content_first(visit: Visit) -> None:
    page = visit()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/releases/#main")
    assert page.locator("main:focus").count() == 1
