"""Copy the image that staging ran to production's repository, unchanged, under its version.

Requires AWS_REGION, ECR_REGISTRY, ECR_REPOSITORY and STAGING_ECR_REPOSITORY, and skopeo logged in.
"""

from __future__ import annotations

import argparse
import subprocess

from delivery.aws.client import Aws
from delivery.aws.ecr import digest
from delivery.command import run
from delivery.errors import Failure
from delivery.workflow import output, variable


def copy(source: str, target: str) -> None:
    # --all: an image with attestations is an index, whose parts have other digests.
    command = ["skopeo", "copy", "--all", "--preserve-digests"]
    try:
        done = subprocess.run([*command, f"docker://{source}", f"docker://{target}"])
    except FileNotFoundError:
        raise Failure("skopeo is missing: https://github.com/containers/skopeo") from None
    if done.returncode:
        raise Failure(f"skopeo could not copy {source} to {target}")


def promote(
    aws: Aws, registry: str, source: str, target: str, commit: str, version: str, redeploy: bool
) -> str:
    """Return the digest that production's repository has under the version."""
    there = digest(aws, target, version)
    if redeploy:
        if not there:
            raise Failure(f"{version} was never promoted to {target}: push its tag instead")
        return there
    wanted = digest(aws, source, commit)
    if not wanted:
        raise Failure(f"{source} has no image of {commit}: staging never ran it")
    if there and there != wanted:
        raise Failure(
            f"{version} already exists with digest {there}; commit {commit[:12]} has {wanted}"
        )
    if not there:
        copy(f"{registry}/{source}@{wanted}", f"{registry}/{target}:{version}")
        there = digest(aws, target, version)
        if there != wanted:
            raise Failure(f"{target}:{version} is {there or 'missing'}, expected {wanted}")
    return there


def main() -> None:
    parser = argparse.ArgumentParser("scripts/promote-image", description=__doc__)
    parser.add_argument("commit", metavar="COMMIT", help="its full hash")
    parser.add_argument("version", metavar="VERSION", help="such as v1.2.3")
    parser.add_argument("--redeploy", action="store_true", help="use the image that is there")
    args = parser.parse_args()

    def act() -> None:
        names = ("ECR_REGISTRY", "STAGING_ECR_REPOSITORY", "ECR_REPOSITORY")
        registry, source, target = (variable(name) for name in names)
        aws = Aws(variable("AWS_REGION"))
        found = promote(aws, registry, source, target, args.commit, args.version, args.redeploy)
        output("digest", found)

    run("scripts/promote-image", act)


if __name__ == "__main__":
    main()
