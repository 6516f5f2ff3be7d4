"""Rotate the database password of an environment, or the AWS keys of its deploys, while it runs.

Shows what it will do and asks for confirmation. No request fails, because the old secret works
until nothing uses it. If it is interrupted, run it again: it resumes. The exit code is 0 when only
the new secret works, and 1 otherwise.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from delivery.aws.access_keys import KeyRotation
from delivery.aws.client import Aws, check_account
from delivery.aws.database_password import PasswordRotation
from delivery.aws.infra_parameters import read_parameters
from delivery.command import run, seconds
from delivery.environments import ENVIRONMENTS
from delivery.github.client import Gh, repository_of_clone
from delivery.paths import INFRA


def rotate(args: argparse.Namespace) -> None:
    path = args.parameters or INFRA / "parameters" / f"{args.environment}.json"
    path = Path(os.path.relpath(path))
    account, region, _ = read_parameters(path)
    aws = Aws(region)
    check_account(aws, account, path)
    if args.what == "database":
        PasswordRotation(args.environment, aws, path, args.yes, args.seconds).rotate()
        return
    gh = Gh(args.repository or repository_of_clone())
    KeyRotation(
        args.environment,
        aws,
        account,
        gh,
        lambda credentials: Aws(region, credentials=credentials),
        args.yes,
    ).rotate()


def main() -> None:
    parser = argparse.ArgumentParser("scripts/rotate-secrets", description=__doc__)
    parser.add_argument("environment", choices=ENVIRONMENTS)
    parser.add_argument("what", choices=["database", "keys"])
    parser.add_argument(
        "--parameters", type=Path, metavar="FILE", help="default: the file in infra/parameters"
    )
    parser.add_argument("--repository", metavar="OWNER/NAME", help="default: the remote origin")
    parser.add_argument("--yes", action="store_true", help="don't ask for confirmation")
    parser.add_argument(
        "--seconds", type=seconds, default=1200, help="time limit for each step (%(default)s)"
    )
    args = parser.parse_args()
    run("scripts/rotate-secrets", lambda: rotate(args))


if __name__ == "__main__":
    main()
