"""Images in Amazon ECR."""

from __future__ import annotations

from delivery.aws.client import Aws
from delivery.errors import Failure


def digest(aws: Aws, repository: str, tag: str) -> str:
    """Return the digest of a tag; empty if there is no such tag."""
    try:
        answer = aws(
            *("ecr", "describe-images", "--repository-name", repository),
            *("--image-ids", f"imageTag={tag}"),
        )
    except Failure as failure:
        if "ImageNotFoundException" in str(failure):
            return ""
        raise
    images = answer["imageDetails"]
    return str(images[0]["imageDigest"]) if images else ""


def exists(aws: Aws, image: str) -> bool:
    """Return whether ECR has the image REGISTRY/REPOSITORY:TAG."""
    repository, _, tag = image.partition("/")[2].partition(":")
    return bool(digest(aws, repository, tag))
