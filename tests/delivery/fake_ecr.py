"""A fake ECR that has images by repository and tag."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from delivery.aws.client import Aws
from delivery.errors import Failure


class FakeEcr(Aws):
    """Answer describe-images; `images` has the digests, by repository_tag."""

    def __init__(self, **images: str) -> None:
        super().__init__("us-east-1", seconds=0)
        self.error = "An error occurred (ImageNotFoundException)"
        self.images = {name.replace("_", ":"): value for name, value in images.items()}

    def __call__(self, service: str, action: str, *words: str) -> Any:
        options: Mapping[str, str] = dict(pairwise(words))
        tag = options["--image-ids"].removeprefix("imageTag=")
        name = f"{options['--repository-name']}:{tag}"
        if name not in self.images:
            raise Failure(self.error)
        return {"imageDetails": [{"imageDigest": self.images[name]}]}
