"""Mark a revision as verified, so that scripts/rollback may return to it.

If its version is lower than the one before it, that one is marked as rolled back. If a mark can't
be set, a warning says so, and the deploy does not fail.
"""

from __future__ import annotations

import argparse

from delivery.aws.client import Aws
from delivery.aws.ecs import is_base
from delivery.command import run
from delivery.deploy.revisions import History
from delivery.errors import Failure
from delivery.workflow import variable


def mark(history: History, revision: str, previous: str) -> None:
    verified = history.at(history.number(revision))
    if previous and not is_base(previous):
        before = history.at(history.number(previous))
        if verified.is_older_than(before):
            history.mark_rolled_back(before, verified)
            print(f"{before} was rolled back")
    history.mark_verified(verified)
    print(f"{verified} is verified")


def main() -> None:
    parser = argparse.ArgumentParser(
        "scripts/mark-verified",
        description=f"{__doc__} Requires AWS_REGION and ECS_TASK_DEFINITION.",
    )
    parser.add_argument("revision", metavar="REVISION", help="the ARN of a task definition")
    parser.add_argument(
        "--previous", default="", metavar="REVISION", help="the revision before this one"
    )
    args = parser.parse_args()

    def act() -> None:
        history = History(Aws(variable("AWS_REGION")), variable("ECS_TASK_DEFINITION"))
        try:
            mark(history, args.revision, args.previous)
        except Failure as failure:
            print(f"::warning title=Not marked as verified::no rollback will choose it: {failure}")

    run("scripts/mark-verified", act)


if __name__ == "__main__":
    main()
