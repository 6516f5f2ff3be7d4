"""Run a command of manage.py in an environment, in a task beside the service.

The task uses the revision that the service runs, with its variables and secrets. Nobody can answer
questions there, so use options such as --no-input. Prints the output; the exit code is 1 if the
command fails or takes too long.
"""

from __future__ import annotations

import argparse

from delivery.aws.ecs import Service, is_base, primary
from delivery.command import run, seconds
from delivery.environments import ENVIRONMENTS
from delivery.errors import Failure


def manage(environment: str, service: Service, command: list[str], seconds: float) -> None:
    revision = primary(service.describe())["taskDefinition"]
    if is_base(revision):
        raise Failure(f"nothing was deployed to {environment} yet")
    service.run_once(revision, ["python", "manage.py", *command], seconds)


def main() -> None:
    parser = argparse.ArgumentParser(
        "scripts/manage", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=seconds, default=300, help="time limit (%(default)s)")
    parser.add_argument("environment", choices=ENVIRONMENTS)
    parser.add_argument("command", help="such as waffle_flag")
    parser.add_argument("words", nargs=argparse.REMAINDER, help="arguments of the command")
    args = parser.parse_args()
    command = [args.command, *args.words]
    service = Service.of(args.environment)
    run("scripts/manage", lambda: manage(args.environment, service, command, args.seconds))


if __name__ == "__main__":
    main()
