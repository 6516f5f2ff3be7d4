"""List the configuration that a deploy lacks; without an AWS account the deploy is skipped.

Where the variable DEPLOY_REQUIRED is true, which a fork does not inherit, missing values fail.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping

from delivery.command import run
from delivery.environments import ENVIRONMENTS
from delivery.errors import Failure
from delivery.workflow import output, summary


def has(name: str, known: Mapping[str, str] = os.environ) -> bool:
    """Return whether a variable is set; a secret arrives as true or false."""
    return known.get(name, "").strip() not in ("", "false")


def missing(environment: str, known: Mapping[str, str] = os.environ) -> list[str]:
    """Return the names that must be set in GitHub."""
    suffix = "_PROD" if environment == "production" else ""
    lacks = []
    if not has("AWS_ROLE_ARN", known):
        names = [f"AWS_ACCESS_KEY_ID{suffix}", f"AWS_SECRET_ACCESS_KEY{suffix}"]
        absent = [name for name in names if not has(name, known)]
        if absent == names:
            lacks.append(f"the variable AWS_ROLE_ARN, or the secrets {' and '.join(names)}")
        else:
            lacks += [f"the secret {name}" for name in absent]
    url = known.get("APP_URL", "")
    if not url:
        lacks.append("the variable APP_URL")
    elif not url.startswith(("http://", "https://")):
        lacks.append(f"a variable APP_URL that begins with http:// or https://, unlike {url}")
    if environment == "production" and not has("STAGING", known):
        lacks.append("the variable STAGING_URL, of the repository and not of an environment")
    return lacks


def check(environment: str) -> None:
    lacks = missing(environment)
    if not lacks:
        output("ready", "true")
        return
    text = f"Not deployed to {environment}: GitHub lacks {'; '.join(lacks)}."
    summary(
        f"### {text}\n\n`scripts/doctor` says what else is missing, and `scripts/configure-github`"
        " sets it. `docs/setup.md` explains both."
    )
    if os.environ.get("DEPLOY_REQUIRED") == "true":
        raise Failure(f"{text} scripts/doctor says what else is missing.")
    print(f"::notice title=Not deployed::{text} scripts/doctor says what else is missing.")


def main() -> None:
    parser = argparse.ArgumentParser("scripts/check-configuration", description=__doc__)
    parser.add_argument("environment", choices=ENVIRONMENTS)
    args = parser.parse_args()
    run("scripts/check-configuration", lambda: check(args.environment))


if __name__ == "__main__":
    main()
