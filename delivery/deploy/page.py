"""A page as a browser would show it: whether it answers, and its stylesheets with it."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from delivery.errors import Failure
from delivery.http_client import Answer, ask


class Stylesheets(HTMLParser):
    """Collects what a page links to as its stylesheets."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "link" and "stylesheet" in given.get("rel", "").lower().split():
            self.found.append(given.get("href", ""))


def problem_of_page(url: str) -> str:
    """Return the problem of a page or its stylesheets; empty if there is none.

    Stylesheets on other hosts are not checked.
    """
    try:
        page = get(url, "text/html")
        if urlsplit(page.url).netloc != urlsplit(url).netloc:
            return f"{url} redirects to {page.url}, on another host"
        parser = Stylesheets()
        parser.feed(page.body.decode(errors="replace"))
        sheets = {urljoin(page.url, href) for href in parser.found}
        mine = sorted(one for one in sheets if urlsplit(one).netloc == urlsplit(url).netloc)
        if not mine:
            return f"{url} has no stylesheet of its own"
        for sheet in mine:
            get(sheet, "text/css")
    except Failure as failure:
        return str(failure)
    return ""


def get(url: str, kind: str) -> Answer:
    """Return the answer; raise Failure if its status is not 200, or its kind is another one."""
    try:
        answer = ask(url)
    except Failure as failure:
        raise Failure(f"{url}: {failure}") from None
    if answer.status != 200 or answer.kind != kind or not answer.body:
        size = f"{len(answer.body)} bytes of {answer.kind}"
        raise Failure(f"{url}: status {answer.status}, {size}; expected 200 and {kind}")
    return answer
