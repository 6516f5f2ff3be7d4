"""Note on a revision that its deploy was verified: scripts/rollback goes back to such only.

Where that was a deploy of a version lower than the one before it, that one was rolled back, which
is noted as well. That it can't be noted is said, and fails no deploy.
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
        description=f"{__doc__} Wants AWS_REGION and ECS_TASK_DEFINITION.",
    )
    parser.add_argument("revision", metavar="REVISION", help="the ARN of a task definition")
    parser.add_argument("--previous", default="", metavar="REVISION", help="what ran before")
    words = parser.parse_args()

    def act() -> None:
        history = History(Aws(variable("AWS_REGION")), variable("ECS_TASK_DEFINITION"))
        try:
            mark(history, words.revision, words.previous)
        except Failure as failure:
            print(f"::warning title=Not noted as verified::scripts/rollback won't know: {failure}")

    run("mark-verified", act)


if __name__ == "__main__":
    main()
