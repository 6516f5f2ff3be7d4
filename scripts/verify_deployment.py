"""Ask URL/health/ until it is ready and runs a commit, three times in a row.

The load balancer may send a request to a task of the version before, which is ready as well.
"""

from __future__ import annotations

import argparse
import json
import time
import urllib.error
import urllib.request
from typing import Any

from scripts.actions import run
from scripts.aws import Failure


def health(url: str) -> dict[str, Any]:
    """Return what /health/ says, ready or not; raise Failure where it says nothing."""
    if not url.startswith(("http://", "https://")):
        raise Failure(f"{url!r} is no URL: it begins with http:// or https://")
    address = f"{url.rstrip('/')}/health/"
    try:
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310
                text = answer.read()
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise
            text = error.read()
        found = json.loads(text)
    except (OSError, ValueError) as error:
        raise Failure(f"{address}: {error}") from None
    if not isinstance(found, dict):
        raise Failure(f"{address}: no JSON object")
    return found


def verify(url: str, commit: str, seconds: float, pause: float = 0.5) -> None:
    deadline = time.monotonic() + seconds
    good = 0
    while good < 3:
        try:
            found = health(url)
            problem = ""
            if found.get("commit") != commit:
                problem = f"{url} runs {found.get('commit')}, not {commit}"
            elif found.get("status") != "ok":
                problem = f"{url} is not ready: {json.dumps(found.get('checks'))}"
        except Failure as failure:
            problem = str(failure)
        good = 0 if problem else good + 1
        if problem:
            print(problem)
            if time.monotonic() >= deadline:
                raise Failure(f"{problem}, after {seconds:.0f} s")
        if good < 3:
            time.sleep(pause)
    print(f"{url} is ready and runs {commit}")


def main() -> None:
    parser = argparse.ArgumentParser("scripts/verify-deployment", description=__doc__)
    parser.add_argument("url", metavar="URL", help="such as https://staging.example.com")
    parser.add_argument("commit", metavar="COMMIT", help="its whole hash")
    parser.add_argument("--seconds", type=float, default=120, help="at most (%(default)s)")
    words = parser.parse_args()
    run("verify-deployment", lambda: verify(words.url, words.commit, words.seconds))


if __name__ == "__main__":
    main()
