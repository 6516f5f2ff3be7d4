"""Give an environment a new database password, or its deploys new AWS keys, while it runs.

Says what it will do and asks. No request is lost: the old one works until nothing uses it. What was
interrupted goes on when it is run again. Ends with 0 once only the new one works, else with 1.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from delivery.aws.access_keys import KeyRotation
from delivery.aws.client import Aws, check_account
from delivery.aws.database_password import PasswordRotation
from delivery.aws.infra_parameters import read_parameters
from delivery.command import run
from delivery.github.client import Gh, repository_of_clone
from delivery.paths import INFRA


def rotate(words: argparse.Namespace) -> None:
    path = words.parameters or INFRA / "parameters" / f"{words.environment}.json"
    path = Path(os.path.relpath(path))
    account, region, _ = read_parameters(path)
    aws = Aws(region)
    check_account(aws, account, path)
    if words.what == "database":
        PasswordRotation(words.environment, aws, path, words.yes, words.seconds).rotate()
        return
    gh = Gh(words.repository or repository_of_clone())
    KeyRotation(
        words.environment,
        aws,
        account,
        gh,
        lambda credentials: Aws(region, credentials=credentials),
        words.yes,
    ).rotate()


def main() -> None:
    parser = argparse.ArgumentParser("scripts/rotate-secrets", description=__doc__)
    parser.add_argument("environment", choices=["staging", "production"])
    parser.add_argument("what", choices=["database", "keys"])
    parser.add_argument("--parameters", type=Path, metavar="FILE", help="other than the usual file")
    parser.add_argument("--repository", metavar="OWNER/NAME", help="other than the remote origin")
    parser.add_argument("--yes", action="store_true", help="don't ask")
    parser.add_argument(
        "--seconds", type=float, default=1200, help="for each step at most (%(default)s)"
    )
    words = parser.parse_args()
    run("rotate-secrets", lambda: rotate(words))


if __name__ == "__main__":
    main()
