"""Migrate the database with the image of a revision, in a task of its own beside the service.

Shows what it printed. Ends with 1 if it fails, never starts, or takes too long; then it is stopped.
"""

from __future__ import annotations

import argparse

from delivery.aws.ecs import Service
from delivery.command import run


def migrate(service: Service, revision: str, seconds: float) -> None:
    service.settled()  # refuses while somebody else moves it, before anything is changed
    service.run_once(revision, ["python", "manage.py", "migrate", "--no-input"], seconds)
    print("migrated")


def main() -> None:
    parser = argparse.ArgumentParser(
        "scripts/migrate", description=f"{__doc__} Wants AWS_REGION, ECS_CLUSTER and ECS_SERVICE."
    )
    parser.add_argument("revision", metavar="REVISION", help="the ARN of a task definition")
    parser.add_argument("--seconds", type=float, default=900, help="at most (%(default)s)")
    words = parser.parse_args()
    run("migrate", lambda: migrate(Service.from_environment(), words.revision, words.seconds))


if __name__ == "__main__":
    main()
