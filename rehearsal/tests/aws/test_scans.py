"""Scans of images: in progress at first, then complete with findings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from ministack.services import ecr

from rehearsal.aws import scans
from rehearsal.tests.aws.conftest import Answered, ask, login, signed

HOST = "localhost:4566"
FINDING = {"severity": "HIGH"}


@pytest.fixture(autouse=True)
def repository() -> Iterator[None]:
    ecr._create_repository({"repositoryName": "staging"})
    yield
    scans.findings.clear()
    scans.requested.clear()


def push(tag: str, **manifest: Any) -> None:
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    path = f"/v2/staging/manifests/{tag}"
    body = json.dumps({"layers": [], **manifest}).encode()
    put = ask("PUT", path, body, host=HOST, content_type=kind, authorization=login())
    assert put.status == 201


def findings(tag: str) -> Answered:
    target = f"AmazonEC2ContainerRegistry_V20150921.{scans.ACTION}"
    body = json.dumps({"repositoryName": "staging", "imageId": {"imageTag": tag}}).encode()
    return ask("POST", "/", body, host=HOST, authorization=signed("ecr"), x_amz_target=target)


def test_a_scan_is_in_progress_before_it_returns_findings() -> None:
    push("v1")
    ask("POST", "/_rehearsal/findings", json.dumps(FINDING).encode(), host=HOST)
    first, second = (json.loads(findings("v1").body) for _ in range(2))
    assert first["imageScanStatus"] == {"status": "IN_PROGRESS"}
    assert second["imageScanStatus"] == {"status": "ACTIVE"}
    assert second["imageScanFindings"] == {"enhancedFindings": [FINDING]}


def test_findings_can_be_deleted() -> None:
    ask("POST", "/_rehearsal/findings", json.dumps(FINDING).encode(), host=HOST)
    ask("DELETE", "/_rehearsal/findings", host=HOST)
    assert scans.findings == []


def test_an_invalid_finding_is_refused() -> None:
    assert ask("POST", "/_rehearsal/findings", b"x", host=HOST).status == 400


@pytest.mark.parametrize(
    ("tag", "error"), [("gone", "ImageNotFoundException"), ("index", "ScanNotFoundException")]
)
def test_a_missing_scan_is_an_error(tag: str, error: str) -> None:
    push("index", manifests=[])
    answered = findings(tag)
    assert (answered.status, error in answered.body.decode()) == (400, True)
