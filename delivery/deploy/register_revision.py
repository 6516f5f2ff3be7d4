"""Register a rendered task definition as the next revision of $ECS_TASK_DEFINITION.

It is the definition that infra/ registered as $ECS_TASK_DEFINITION-base, with another image.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from delivery.aws.client import Aws
from delivery.command import run
from delivery.errors import Failure
from delivery.workflow import output, variable

# Fields that AWS adds to a definition and refuses as input. All others are kept, so that an unknown
# field fails and no setting is lost silently.
ANSWERED = {
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
    "deregisteredAt",
}


def register(aws: Aws, family: str, definition: dict[str, Any]) -> str:
    kept = {name: value for name, value in definition.items() if name not in ANSWERED}
    text = json.dumps(kept | {"family": family})
    answer = aws("ecs", "register-task-definition", "--cli-input-json", text)
    return str(answer["taskDefinition"]["taskDefinitionArn"])


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
        aws = Aws(variable("AWS_REGION"))
        output("revision", register(aws, variable("ECS_TASK_DEFINITION"), definition))

    run("scripts/register-revision", act)


if __name__ == "__main__":
    main()
