"""Move the service to a revision, and wait until the rollout is complete.

Before that, it puts out `previous`, the revision to which scripts/rollback returns, and moves the
worker, if there is one: the worker must know each kind of job before somebody writes one.
"""

from __future__ import annotations

import argparse

from delivery.aws.ecs import Service, is_base, short
from delivery.command import run, seconds
from delivery.deploy.revisions import History
from delivery.deploy.worker import move_worker
from delivery.workflow import output


def deploy(service: Service, revision: str, seconds: float) -> None:
    before = service.settled()
    words = []
    if is_base(before["taskDefinition"]):
        words = ["--desired-count", service.minimum_tasks(before)]
    output("previous", before["taskDefinition"])
    history = History(service.aws, short(revision).rpartition(":")[0])
    move_worker(service, history.at(history.number(revision)), seconds)
    service.wait(service.move(revision, *words), seconds)


def main() -> None:
    parser = argparse.ArgumentParser(
        "scripts/deploy-service",
        description=f"{__doc__} Requires AWS_REGION, ECS_CLUSTER and ECS_SERVICE.",
    )
    parser.add_argument("revision", metavar="REVISION", help="the ARN of a task definition")
    parser.add_argument("--seconds", type=seconds, default=1200, help="time limit (%(default)s)")
    args = parser.parse_args()
    run(
        "scripts/deploy-service",
        lambda: deploy(Service.from_environment(), args.revision, args.seconds),
    )


if __name__ == "__main__":
    main()
