"""A deploy asks for one page and its stylesheets: what is broken there, /health/ does not show."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
import yaml

from delivery.deploy.page import problem_of_page
from delivery.deploy.verify_deployment import verify_page
from delivery.errors import Failure
from delivery.paths import WORKFLOWS

PAGE = '<link rel="icon" href="/no.svg"><link rel=stylesheet href="{}"><p>hello'
CSS = (200, "text/css; charset=utf-8", "p {}")


class Site(HTTPServer):
    """Answers by path: status, type, body."""

    answers: dict[str, tuple[int, str, str]]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        status, kind, body = self.server.answers.get(self.path, (404, "text/html", "gone"))
        self.send_response(status)
        self.send_header("Location" if status == 302 else "Content-Type", kind)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *words: object) -> None: ...


@pytest.fixture
def site() -> Iterator[Site]:
    with Site(("127.0.0.1", 0), Handler) as server:
        server.answers = {"/": (200, "text/html", PAGE.format("/site.css")), "/site.css": CSS}
        Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield server
        server.shutdown()


def problem(site: Site) -> str:
    return problem_of_page(f"{site.url}/").removeprefix(site.url)


def test_a_page_with_its_stylesheet_passes(site: Site) -> None:
    assert problem(site) == ""


def test_redirects_of_a_page_are_followed(site: Site) -> None:
    site.answers["/"] = (302, "/admin/login/", "")
    site.answers["/admin/login/"] = (200, "text/html", PAGE.format("../base.css"))
    assert "/admin/base.css: status 404" in problem(site)
    site.answers["/admin/base.css"] = CSS
    assert problem(site) == ""


@pytest.mark.parametrize(
    ("path", "answer", "said"),
    [
        ("/", (500, "text/html", "oh"), "/: status 500, 2 bytes of text/html; expected 200"),
        ("/", (200, "application/json", "{}"), "/: status 200, 2 bytes of application/json"),
        ("/", (200, "text/html", "<p>hello"), "/ has no stylesheet of its own"),
        ("/", (200, "text/html", PAGE.format("https://x.test/x.css")), "/ has no stylesheet of"),
        ("/", (302, "http://127.0.0.1:1/login", ""), "/: "),
        ("/site.css", (404, "text/html", "gone"), "/site.css: status 404"),
        ("/site.css", (200, "text/html", "gone"), "/site.css: status 200, 4 bytes of text/html"),
        ("/site.css", (200, "text/css", ""), "/site.css: status 200, 0 bytes"),
    ],
)
def test_a_broken_page_or_stylesheet_is_reported(
    site: Site, path: str, answer: tuple[int, str, str], said: str
) -> None:
    site.answers[path] = answer
    assert problem(site).startswith(said)


def test_a_page_that_stays_broken_fails_the_deploy(site: Site) -> None:
    del site.answers["/site.css"]
    with pytest.raises(
        Failure, match=r"site.css: status 404.* The variable VERIFY_PATH chooses another page"
    ):
        verify_page(f"{site.url}/", 0, pause=0)


@pytest.mark.parametrize("workflow", ["deploy-staging.yml", "deploy-prod.yml"])
def test_each_deploy_verifies_a_page_and_the_version(workflow: str) -> None:
    steps = yaml.safe_load((WORKFLOWS / workflow).read_text())["jobs"]["deploy"]["steps"]
    (step,) = [step for step in steps if step.get("name") == "Verify deployment"]
    assert step["env"]["PAGE"] == "${{ vars.VERIFY_PATH || '/' }}"
    assert '--page "$PAGE"' in step["run"]
    assert "--version " in step["run"]
