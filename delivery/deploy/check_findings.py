"""Refuse an image in which ECR's scan found a severe vulnerability that has a fix.

Severe is critical or high. Waits for the scan, which begins when the image is pushed. Findings in
accepted-advisories.toml pass until their date. ECR's basic scan does not know whether there is a
fix, so its findings only print a warning; the enhanced scan knows.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from delivery.aws.client import Aws
from delivery.checks.accepted_advisories import accepted
from delivery.command import run, seconds
from delivery.errors import Failure
from delivery.workflow import variable

SEVERE = {"CRITICAL", "HIGH"}
DONE = {"COMPLETE", "ACTIVE"}
UNDER_WAY = {"IN_PROGRESS", "PENDING", "not started"}
IMAGES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)


def scanned_images(aws: Aws, repository: str, tag: str) -> list[str]:
    """Return the digests that ECR scans for a tag: of an index, its images without attestations."""
    answer = aws(
        *("ecr", "batch-get-image", "--repository-name", repository),
        *("--image-ids", f"imageTag={tag}", "--accepted-media-types", *IMAGES, *INDEXES),
    )
    if not answer["images"]:
        raise Failure(f"{repository} has no image {tag}")
    image = answer["images"][0]
    manifest = json.loads(image["imageManifest"])
    if image.get("imageManifestMediaType", manifest.get("mediaType")) not in INDEXES:
        return [image["imageId"]["imageDigest"]]
    return [
        str(part["digest"])
        for part in manifest["manifests"]
        if part.get("platform", {}).get("architecture") != "unknown"
    ]


def scan(aws: Aws, repository: str, digest: str, seconds: float) -> Any:
    """Return what a scan found, once it is over; raise Failure where there is none in time."""
    deadline = time.monotonic() + seconds
    said = ""
    while True:
        answer = ask(aws, repository, digest)
        status = str(answer["imageScanStatus"]["status"])
        if status in DONE:
            return answer.get("imageScanFindings", {})
        if status != said:
            said = status
            print(f"scan of {digest}: {status}")
        if status not in UNDER_WAY or time.monotonic() >= deadline:
            why = answer["imageScanStatus"].get("description", f"after {seconds:.0f} s")
            raise Failure(
                f"there is no scan of {repository}@{digest}: {status}, {why}. Turn on scanning in"
                " ECR and start one, or set the variable SCAN_SECONDS to 0 to release without"
            )
        aws.wait()


def ask(aws: Aws, repository: str, digest: str) -> Any:
    try:
        return aws(
            *("ecr", "describe-image-scan-findings", "--repository-name", repository),
            *("--image-id", f"imageDigest={digest}"),
        )
    except Failure as failure:
        if "ScanNotFoundException" not in str(failure):
            raise
        return {"imageScanStatus": {"status": "not started"}}


def severe(found: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Yield the id and a description of each severe finding, and whether it has a fix."""
    for one in found.get("findings", []):
        if one["severity"] in SEVERE:
            about = {pair["key"]: pair["value"] for pair in one.get("attributes", [])}
            package = f"{about.get('package_name', '?')} {about.get('package_version', '')}"
            yield one["name"], f"{one['severity']} {one['name']} in {package.strip()}", False
    for one in found.get("enhancedFindings", []):
        if one["severity"] in SEVERE and one.get("status", "ACTIVE") == "ACTIVE":
            details = one["packageVulnerabilityDetails"]
            packages = ", ".join(
                f"{package['name']} {package.get('version', '')}".strip()
                for package in details.get("vulnerablePackages", [])
            )
            name = details["vulnerabilityId"]
            fixed = one.get("fixAvailable", "NO") in ("YES", "PARTIAL")
            yield name, f"{one['severity']} {name} in {packages}", fixed


def check(aws: Aws, repository: str, tag: str, seconds: float, reasons: Mapping[str, str]) -> None:
    """Raise Failure where an image has a severe finding that has a fix and is not accepted."""
    refused, unfixed = [], 0
    for digest in scanned_images(aws, repository, tag):
        for name, text, fixed in severe(scan(aws, repository, digest, seconds)):
            if name in reasons:
                print(f"accepted: {text}: {reasons[name]}")
            elif fixed:
                refused.append(text)
            else:
                unfixed += 1
                print(f"no fix known: {text}")
    if refused:
        raise Failure(
            f"{len(refused)} severe findings have a fix: {'; '.join(refused)}. Build the"
            " image again with the fix, or accept them in accepted-advisories.toml"
        )
    if unfixed:
        print(f"::warning title=Severe findings::{unfixed} in {tag}; ECR names no fix for them")
    print(f"{tag}: no severe finding that has a fix")


def main() -> None:
    parser = argparse.ArgumentParser(
        "scripts/check-findings",
        description=f"{__doc__} Requires AWS_REGION and STAGING_ECR_REPOSITORY.",
    )
    parser.add_argument(
        "tag", metavar="COMMIT", help="the tag of the image in staging's repository"
    )
    parser.add_argument(
        "--seconds", type=seconds, default=300, help="limit for the scan; 0 skips it (%(default)s)"
    )
    args = parser.parse_args()

    def act() -> None:
        if not args.seconds:
            print("::warning title=Not scanned::SCAN_SECONDS is 0, so no findings were checked")
            return
        reasons = accepted(datetime.now(UTC).date())
        aws = Aws(variable("AWS_REGION"))
        check(aws, variable("STAGING_ECR_REPOSITORY"), args.tag, args.seconds, reasons)

    run("scripts/check-findings", act)


if __name__ == "__main__":
    main()
