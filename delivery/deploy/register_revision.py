"""Register a rendered task definition as the next revision of $ECS_TASK_DEFINITION.

It is the definition that infra/ registered as $ECS_TASK_DEFINITION-base, with another image. If
infra/ has a worker, it gets a revision with that image, too.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from delivery.aws.client import Aws
from delivery.command import run
from delivery.deploy.revisions import History, register
from delivery.deploy.worker import register_worker
from delivery.errors import Failure
from delivery.workflow import output, variable


def main() -> None:
    parser = argparse.ArgumentParser(
        "scripts/register-revision", description=f"{__doc__} Requires AWS_REGION as well."
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the rendered task definition")
    args = parser.parse_args()

    def act() -> None:
        try:
            definition = json.loads(args.file.read_text())
        except (OSError, ValueError) as error:
            raise Failure(f"{args.file}: {error}") from None
        history = History(Aws(variable("AWS_REGION")), variable("ECS_TASK_DEFINITION"))
        revision = register(history.aws, history.family, definition)
        register_worker(history, revision)
        output("revision", revision)

    run("scripts/register-revision", act)


if __name__ == "__main__":
    main()
