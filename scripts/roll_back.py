"""Return the service to a revision that ran before, and wait until it runs.

After a failed first deploy there is none, and the service goes back to no tasks.
"""

from __future__ import annotations

import argparse

from scripts.actions import run
from scripts.aws import Failure
from scripts.ecs import Service, is_base, primary, short


def roll_back(service: Service, revision: str, seconds: float) -> None:
    if is_base(revision):
        service.wait(service.move(revision, "--desired-count", "0"), seconds)
        print("no tasks run, as before the first deploy")
        return
    now = primary(service.describe())
    if now["taskDefinition"] == revision:
        print(f"ECS itself returned to {short(revision)}")
        deployment = str(now["id"])
    else:
        deployment = service.move(revision)
    service.wait(deployment, seconds)
    try:
        command = ["python", "manage.py", "record_release", "--rollback"]
        service.run_once(revision, command, 300)
    except Failure as failure:
        print(f"{short(revision)} runs, but /releases/ does not know: {failure}")


def main() -> None:
    parser = argparse.ArgumentParser(
        "scripts/roll-back",
        description=f"{__doc__} Wants AWS_REGION, ECS_CLUSTER and ECS_SERVICE.",
    )
    parser.add_argument(
        "revision", metavar="REVISION", help="a task definition, such as myapp-staging-task:7"
    )
    parser.add_argument("--seconds", type=float, default=600, help="at most (%(default)s)")
    words = parser.parse_args()
    run("roll-back", lambda: roll_back(Service.from_environment(), words.revision, words.seconds))


if __name__ == "__main__":
    main()
