"""Report in one line for Slack how a run ended, even if its deploy never began.

Reads $NEEDS, the results of the earlier jobs (toJSON(needs)), and $RUN_URL. Puts out `text`; it is
empty if there is nothing to report, as in a fork without an AWS account.
"""

from __future__ import annotations

import argparse
import html
import json
import os
from collections.abc import Mapping
from typing import Any

from delivery.command import run
from delivery.environments import ENVIRONMENTS
from delivery.errors import Failure
from delivery.workflow import output, variable

RESULTS = {
    "failure": "failed",
    "cancelled": "was cancelled, by somebody or by a newer run",
}


def text(what: str, needs: Mapping[str, Any], url: str) -> str:
    """Return the report of the deploy, and the other jobs that did not pass."""
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
        raise Failure(f"NEEDS is not the output of toJSON(needs): {error}") from error
    # A tag's name may look like a mention in Slack: <!here>.
    name = html.escape(what, quote=False)
    if found := text(f"{environment}: {name}", needs, os.environ.get("RUN_URL", "")):
        output("text", found)
    else:
        print("Nothing to report.")


def main() -> None:
    parser = argparse.ArgumentParser("scripts/report-run", description=__doc__)
    parser.add_argument("environment", choices=ENVIRONMENTS)
    parser.add_argument("what", metavar="WHAT", help="the commit or the version")
    args = parser.parse_args()
    run("scripts/report-run", lambda: report(args.environment, args.what))


if __name__ == "__main__":
    main()
