"""Ask URL/health/ until it is ready and runs a commit, three times in a row; then ask for a page.

The load balancer may send a request to a task of the previous version, which is ready as well. A
page without its stylesheet is broken for everybody, but /health/ does not notice.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from typing import Any

from delivery.command import run, seconds
from delivery.deploy.page import problem_of_page
from delivery.environments import ENVIRONMENTS
from delivery.errors import Failure
from delivery.http_client import ask, check_url

TIMES = 3


@dataclass(frozen=True)
class Site:
    """The address of /health/: a URL, or a load balancer that answers for the URL."""

    url: str
    balancer: str = ""  # connect to this host instead of the URL's
    host: str = ""  # the Host header, if it is not the URL's

    def __str__(self) -> str:
        return f"the load balancer {self.balancer}" if self.balancer else self.url


def health(site: Site) -> dict[str, Any]:
    """Return the answer of /health/, ready or not; raise Failure if there is no valid answer."""
    address = f"{site.url.rstrip('/')}/health/"
    name = brief(f"{address} at {site}" if site.balancer else address)
    try:
        answer = ask(address, headers={"Host": site.host} if site.host else {}, to=site.balancer)
        if answer.status not in (200, 503):
            raise Failure(f"status {answer.status}")
        found = json.loads(answer.body)
        if not isinstance(found, dict):
            raise Failure("no JSON object")
    except Failure as failure:
        raise Failure(f"{name}: {failure}") from None
    except (ValueError, RecursionError) as error:
        raise Failure(f"{name}: status {answer.status}, and no JSON: {error}") from None
    return found


def other_environment(found: dict[str, Any], environment: str) -> str:
    """Return the environment that answered instead of this one; empty if none did."""
    other = found.get("environment")
    return brief(other) if environment and other not in (None, environment) else ""


def brief(value: object) -> str:
    """Return an untrusted value as one short line."""
    return " ".join(str(value).split())[:300]


@dataclass
class Inquiry:
    """The answers of one site: the number of right ones in a row, or the last problem."""

    site: Site
    commit: str  # empty: any
    environment: str  # empty: any
    good: int = 0
    problem: str = ""
    version: str = ""  # empty, any will do
    leads_elsewhere: bool = False  # another environment answered
    is_unready: bool = False  # the right version answered

    def ask(self) -> bool:
        """Request /health/ once; return whether that was the third right answer in a row."""
        before = self.problem
        self.problem = self._ask()
        self.good = 0 if self.problem else self.good + 1
        if self.problem not in ("", before):
            print(self.problem)
        if self.good < TIMES:
            return False
        print(f"{self.site} is ready and runs {self.commit or 'some commit'}")
        return True

    def _ask(self) -> str:
        self.leads_elsewhere = self.is_unready = False
        try:
            found = health(self.site)
        except Failure as failure:
            return str(failure)
        runs = brief(found.get("commit"))
        if other := other_environment(found, self.environment):
            self.leads_elsewhere = True
            return f"{self.site} leads to {other}, not to {self.environment}: it runs {runs}"
        if self.commit and found.get("commit") != self.commit:
            return f"{self.site} runs {runs}, not {self.commit}"
        if self.version and found.get("version") != self.version:
            return f"{self.site} is {brief(found.get('version'))}, not {self.version}"
        if found.get("status") != "ok":
            self.is_unready = True
            return f"{self.site} is not ready: {brief(json.dumps(found.get('checks')))}"
        return ""


def verify(
    url: str,
    commit: str,
    seconds: float,
    pause: float = 0.5,
    *,
    environment: str = "",
    version: str = "",
    balancer: Site | None = None,
) -> str:
    """Return when the URL is right, or return its problem when the load balancer is right.

    Raise Failure if neither is right in time. Without a load balancer, raise it as soon as another
    environment answers.
    """
    deadline = time.monotonic() + seconds
    mine = Inquiry(Site(url), commit, environment, version=version)
    witness = Inquiry(balancer, commit, environment) if balancer else None
    while not mine.ask():
        problem = mine.problem
        if problem and witness and not mine.is_unready:
            if witness.ask():
                return problem
            problem = witness.problem and f"{problem}; {witness.problem}"
        if mine.leads_elsewhere and not witness:
            raise Failure(f"{problem}. Correct APP_URL of {environment}")
        if problem and time.monotonic() >= deadline:
            raise Failure(f"{problem}, after {seconds:.0f} s")
        time.sleep(pause)
    return ""


def verify_page(url: str, seconds: float, pause: float = 0.5) -> None:
    """Return once a page answers with its stylesheets; raise Failure where it does not in time."""
    deadline = time.monotonic() + seconds
    before = ""
    while problem := problem_of_page(url):
        if problem != before:
            print(problem)
        before = problem
        if time.monotonic() >= deadline:
            raise Failure(f"{problem}. The variable VERIFY_PATH chooses another page, or none")
        time.sleep(pause)
    print(f"{url} answers with its stylesheets")


def main() -> None:
    parser = argparse.ArgumentParser("scripts/verify-deployment", description=__doc__)
    parser.add_argument("url", metavar="URL", help="such as https://staging.example.com")
    parser.add_argument("commit", metavar="COMMIT", help="its full hash")
    parser.add_argument(
        "--environment",
        choices=ENVIRONMENTS,
        default="",
        help="environment of this URL; if another one answers, fail at once",
    )
    parser.add_argument("--version", default="", help="version that /health/ must name as well")
    parser.add_argument(
        "--page", metavar="PATH", default="none", help="page to request, such as / (%(default)s)"
    )
    parser.add_argument("--seconds", type=seconds, default=120, help="time limit (%(default)s)")
    args = parser.parse_args()

    def act() -> None:
        check_url(args.url)  # waiting would not correct it
        verify(
            *(args.url, args.commit, args.seconds),
            environment=args.environment,
            version=args.version,
        )
        if args.page != "none":
            verify_page(f"{args.url.rstrip('/')}{args.page}", args.seconds)

    run("scripts/verify-deployment", act)


if __name__ == "__main__":
    main()
