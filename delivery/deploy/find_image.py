"""Put out the `digest` of a tag in $ECR_REPOSITORY if it exists: a tag can't be pushed twice."""

from __future__ import annotations

import argparse

from delivery.aws.client import Aws
from delivery.aws.ecr import digest
from delivery.command import run
from delivery.workflow import output, variable


def find(aws: Aws, repository: str, tag: str) -> None:
    if found := digest(aws, repository, tag):
        output("digest", found)
    else:
        print(f"{repository} has no {tag} yet")


def main() -> None:
    parser = argparse.ArgumentParser(
        "scripts/find-image", description=f"{__doc__} Requires AWS_REGION as well."
    )
    parser.add_argument("tag", metavar="TAG")
    args = parser.parse_args()
    run(
        "scripts/find-image",
        lambda: find(Aws(variable("AWS_REGION")), variable("ECR_REPOSITORY"), args.tag),
    )


if __name__ == "__main__":
    main()
