"""Migrate the database with the image of a revision, in a task beside the service.

Prints the output. Exit code 1: it failed, did not start, or took too long. A migration that takes
too long is stopped, and so is one whose deploy is cancelled by a signal. Refuses while another
migration runs.
"""

from __future__ import annotations

import argparse

from delivery.aws.ecs import Service, short
from delivery.command import run, seconds
from delivery.errors import Failure

STARTED_BY = "migration"  # distinguishes the task from those of the service


def migrate(service: Service, revision: str, seconds: float) -> None:
    service.settled()  # refuses while somebody else moves it, before anything is changed
    refuse_second(service, revision)
    command = ["python", "manage.py", "migrate", "--no-input"]
    service.run_once(revision, command, seconds, STARTED_BY)
    print("migrated")


def refuse_second(service: Service, revision: str) -> None:
    """Raise Failure while another migration runs, such as one whose runner was lost."""
    family = short(revision).rpartition(":")[0]
    for task in service.tasks_started_by(STARTED_BY, family):
        name = short(task["taskArn"])
        raise Failure(
            f"task {name} of another migration is {task['lastStatus']}: wait until it ends, or stop"
            f" it: aws ecs stop-task --cluster {service.cluster} --task {name}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        "scripts/migrate",
        description=f"{__doc__} Requires AWS_REGION, ECS_CLUSTER and ECS_SERVICE.",
    )
    parser.add_argument("revision", metavar="REVISION", help="the ARN of a task definition")
    parser.add_argument("--seconds", type=seconds, default=900, help="time limit (%(default)s)")
    args = parser.parse_args()
    run("scripts/migrate", lambda: migrate(Service.from_environment(), args.revision, args.seconds))


if __name__ == "__main__":
    main()
