"""Say in one line how a run ended, for Slack: also one whose deploy never began.

From $NEEDS, what GitHub says of the jobs before (toJSON(needs)), and $RUN_URL. Puts out `text`;
nothing where there is nothing to say, as in a fork that has no AWS account.
"""

from __future__ import annotations

import argparse
import html
import json
import os
from collections.abc import Mapping
from typing import Any

from delivery.command import run
from delivery.errors import Failure
from delivery.workflow import output, variable

RESULTS = {
    "failure": "failed",
    "cancelled": "was cancelled, by somebody or by a newer run",
}


def text(what: str, needs: Mapping[str, Any], url: str) -> str:
    """Return what the deploy said of itself, and which other jobs did not pass."""
    deploy = needs["deploy"]
    said = "" if deploy["result"] == "skipped" else deploy["outputs"].get("text", "")
    wrong = [
        f"{name} {RESULTS[job['result']]}"
        for name, job in needs.items()
        if job["result"] in RESULTS and not (said and name == "deploy")
    ]
    if said:
        return f"{said} But {', '.join(wrong)}." if wrong else said
    return f"{what} NOT DEPLOYED: {', '.join(wrong)}. {url}".rstrip() if wrong else ""


def report(environment: str, what: str) -> None:
    try:
        needs = json.loads(variable("NEEDS"))
    except json.JSONDecodeError as error:
        raise Failure(f"NEEDS is not what toJSON(needs) gives: {error}") from error
    # A tag may be named as Slack names a channel, <!here>.
    name = html.escape(what, quote=False)
    if found := text(f"{environment}: {name}", needs, os.environ.get("RUN_URL", "")):
        output("text", found)
    else:
        print("There is nothing to tell.")


def main() -> None:
    parser = argparse.ArgumentParser("scripts/report-run", description=__doc__)
    parser.add_argument("environment", choices=["staging", "production"])
    parser.add_argument("what", metavar="WHAT", help="the commit or the version")
    args = parser.parse_args()
    run("scripts/report-run", lambda: report(args.environment, args.what))


if __name__ == "__main__":
    main()
