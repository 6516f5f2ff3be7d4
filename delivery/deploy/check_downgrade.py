"""Refuse to replace the running version of an environment by an older one.

GitHub can run the failed jobs of an old run again. It does not repeat the jobs that passed, whose
results may be weeks old, such as the commit that staging ran. A version such as v1.2.3 is compared
by its numbers, a commit by the history of the clone.
"""

from __future__ import annotations

import argparse
import subprocess

from delivery.aws.ecs import Service, is_base, primary
from delivery.command import run
from delivery.deploy.revisions import History
from delivery.errors import Failure
from delivery.versions import is_lower
from delivery.workflow import variable


def is_ancestor(commit: str, other: str) -> bool:
    """Return whether the other commit contains this one; False if the clone lacks the other."""
    done = subprocess.run(["git", "merge-base", "--is-ancestor", commit, other], text=True)
    return commit != other and done.returncode == 0


def check(service: Service, family: str, what: str) -> None:
    """Raise Failure where the service runs a higher version, or a commit that contains this one."""
    runs = primary(service.describe())["taskDefinition"]
    if is_base(runs):
        print(f"{service.name} runs nothing yet")
        return
    history = History(service.aws, family)
    current = history.at(history.number(runs))
    if is_lower(what, current.version):
        raise Failure(
            f"{service.name} runs {current}, and {what} is a lower version. To go back on purpose,"
            " run this workflow by hand with that version, or scripts/rollback"
        )
    if is_ancestor(what, current.commit):
        raise Failure(
            f"{service.name} runs {current}, which contains {what[:12]} already. To go back on"
            " purpose, use scripts/rollback, or revert the commits since"
        )
    print(f"{service.name} runs {current}, and {what} is not older")


def main() -> None:
    parser = argparse.ArgumentParser(
        "scripts/check-downgrade",
        description=f"{__doc__} Requires AWS_REGION, ECS_CLUSTER, ECS_SERVICE and"
        " ECS_TASK_DEFINITION.",
    )
    parser.add_argument("what", metavar="VERSION|COMMIT", help="v1.2.3, or a full hash")
    args = parser.parse_args()

    def act() -> None:
        check(Service.from_environment(), variable("ECS_TASK_DEFINITION"), args.what)

    run("scripts/check-downgrade", act)


if __name__ == "__main__":
    main()
