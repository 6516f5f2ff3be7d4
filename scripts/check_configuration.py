"""Say what a deploy lacks: a fork that has no AWS account skips it, and stays green.

Where the variable DEPLOY_REQUIRED is true, which a fork does not inherit, that fails instead.
"""

from __future__ import annotations

import argparse
import os

from scripts.actions import output, run, summary
from scripts.aws import Failure


def has(name: str) -> bool:
    """Whether a variable is set; a secret arrives here as whether it is: true or false."""
    return os.environ.get(name, "").strip() not in ("", "false")


def missing(environment: str) -> list[str]:
    """Return what to set in GitHub."""
    suffix = "_PROD" if environment == "production" else ""
    lacks = []
    if not has("AWS_ROLE_ARN"):
        names = [f"AWS_ACCESS_KEY_ID{suffix}", f"AWS_SECRET_ACCESS_KEY{suffix}"]
        absent = [name for name in names if not has(name)]
        if absent == names:
            lacks.append(f"the variable AWS_ROLE_ARN, or the secrets {' and '.join(names)}")
        else:
            lacks += [f"the secret {name}" for name in absent]
    url = os.environ.get("APP_URL", "")
    if not url:
        lacks.append("the variable APP_URL")
    elif not url.startswith(("http://", "https://")):
        lacks.append(f"a variable APP_URL that begins with http:// or https://, unlike {url}")
    if environment == "production" and not has("STAGING"):
        lacks.append("the variable STAGING_URL, of the repository and not of an environment")
    return lacks


def check(environment: str) -> None:
    lacks = missing(environment)
    if not lacks:
        output("ready", "true")
        if has("SLACK_WEBHOOK_URL"):
            output("slack", "true")
        return
    text = f"Not deployed to {environment}: GitHub has not been told {'; '.join(lacks)}."
    summary(
        f"### {text}\n\n`docs/deploy.md` says where to set them, and where the values come from."
    )
    if os.environ.get("DEPLOY_REQUIRED") == "true":
        raise Failure(text)
    print(f"::notice title=Not deployed::{text}")


def main() -> None:
    parser = argparse.ArgumentParser("scripts/check-configuration", description=__doc__)
    parser.add_argument("environment", choices=["staging", "production"])
    words = parser.parse_args()
    run("check-configuration", lambda: check(words.environment))


if __name__ == "__main__":
    main()
