"""Put out one line on how a deploy ended, for the run's page and for Slack.

Reads $STATUS of the job, $PREVIOUS (empty until the service was about to move), $ROLLED_BACK (the
result of scripts/rollback, empty unless ECS confirms it), and $VERDICT of scripts/watch-deployment.
"""

from __future__ import annotations

import argparse
import os

from delivery.command import run
from delivery.deploy.rollback import VERIFIED
from delivery.environments import ENVIRONMENTS
from delivery.workflow import output, summary, variable


def outcome(status: str, moved: bool, rolled_back: str, verdict: str = "") -> str:
    if status == "success":
        found, _, reason = verdict.partition(": ")
        return f"deployed. Investigate: {reason}" if found == "investigate" else "deployed"
    if rolled_back == VERIFIED:
        return "FAILED and rolled back: the previous version runs again"
    if rolled_back:
        return f"FAILED and rolled back, {rolled_back}"
    if moved:
        return "FAILED, and the rollback FAILED too: check what runs"
    return "FAILED before the service moved: the previous version still runs"


def report(environment: str, what: str) -> None:
    moved = bool(os.environ.get("PREVIOUS"))
    told = (os.environ.get(name, "") for name in ("ROLLED_BACK", "VERDICT"))
    text = outcome(variable("STATUS"), moved, *told)
    page = os.environ.get("RUN_URL", "")
    output("text", f"{environment}: {what} {text}. {page}".rstrip())
    summary(f"### {environment}: `{what}` {text}")


def main() -> None:
    parser = argparse.ArgumentParser("scripts/report-outcome", description=__doc__)
    parser.add_argument("environment", choices=ENVIRONMENTS)
    parser.add_argument("what", metavar="WHAT", help="the commit or the version")
    args = parser.parse_args()
    run("scripts/report-outcome", lambda: report(args.environment, args.what))


if __name__ == "__main__":
    main()
