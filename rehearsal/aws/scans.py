"""Scans of images: in progress at the first request for the findings, complete at the second.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from ministack.services import ecr

from rehearsal.aws.patches import replaces
from rehearsal.aws.records import Answer, Json

ACTION = "DescribeImageScanFindings"
findings: list[Json] = []  # of every image, in the format of ECR's enhanced scanning
requested: set[str] = set()  # digests whose findings were requested before


def change(method: str, body: bytes) -> tuple[int, Json]:
    """Answer GET, POST and DELETE of /_rehearsal/findings with the findings of every scan."""
    if method == "POST":
        try:
            findings.append(json.loads(body))
        except ValueError as error:
            return 400, {"error": f"not a finding: {error}"}
    elif method == "DELETE":
        findings.clear()
    return 200, {"findings": findings}


@replaces(ecr, "handle_request")
async def handle_request(
    original: Callable[..., Awaitable[Answer]],
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query: Any,
) -> Answer:
    """AWS returns the findings of a scan; ministack has no scans."""
    if headers.get("x-amz-target", "").endswith(f".{ACTION}"):
        return describe(json.loads(body))
    return await original(method, path, headers, body, query)


def describe(data: Json) -> Answer:
    name, wanted = data.get("repositoryName", ""), data.get("imageId") or {}
    if name not in ecr._repositories:
        return refusal("RepositoryNotFoundException", f"there is no repository {name}")
    image = ecr._find_image(name, wanted)
    if not image:
        return refusal("ImageNotFoundException", f"{name} has no image {json.dumps(wanted)}")
    digest = image["imageDigest"]
    if "manifests" in json.loads(image.get("imageManifest") or "{}"):
        return refusal("ScanNotFoundException", f"{digest} is an index; only images are scanned")
    answer: Json = {
        "registryId": ecr._registry_id(),
        "repositoryName": name,
        "imageId": {"imageDigest": digest},
    }
    if digest not in requested:
        requested.add(digest)
        answer["imageScanStatus"] = {"status": "IN_PROGRESS"}
    else:
        answer["imageScanStatus"] = {"status": "ACTIVE"}
        answer["imageScanFindings"] = {"enhancedFindings": findings}
    return ecr.json_response(answer)  # type: ignore[no-any-return]


def refusal(error: str, text: str) -> Answer:
    return ecr.error_response_json(error, text, 400)  # type: ignore[no-any-return]
