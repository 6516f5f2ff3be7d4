"""No image goes to production in which ECR found a severe vulnerability that has a fix."""

import json
from typing import Any

import pytest
import yaml

from delivery.deploy.check_findings import INDEXES, check
from delivery.errors import Failure
from delivery.paths import WORKFLOWS
from tests.delivery.documented_aws import DocumentedAws
from tests.delivery.in_process import run_here

IMAGE, ATTESTATION = "sha256:image", "sha256:attestation"
INDEX = {
    "mediaType": INDEXES[0],
    "manifests": [
        {"digest": IMAGE, "platform": {"architecture": "amd64", "os": "linux"}},
        {"digest": ATTESTATION, "platform": {"architecture": "unknown", "os": "unknown"}},
    ],
}


def basic(severity: str = "CRITICAL") -> dict[str, Any]:
    attributes = [{"key": "package_name", "value": "zlib"}]
    finding = {"name": "CVE-1", "severity": severity, "attributes": attributes}
    return {"findings": [finding]}


def enhanced(severity: str = "HIGH", fix: str = "YES") -> dict[str, Any]:
    packages = [{"name": "openssl", "version": "3.0", "fixedInVersion": "3.1"}]
    details = {"vulnerabilityId": "CVE-2", "vulnerablePackages": packages}
    finding = {"severity": severity, "status": "ACTIVE", "fixAvailable": fix}
    return {"enhancedFindings": [finding | {"packageVulnerabilityDetails": details}]}


class Ecr(DocumentedAws):
    """An image whose scan goes through some statuses, and finds something."""

    def __init__(self, found: dict[str, Any], *statuses: str, index: bool = False) -> None:
        super().__init__()
        self.found = found
        self.statuses = list(statuses) or ["COMPLETE"]
        self.manifest: dict[str, Any] = INDEX if index else {"mediaType": "x"}
        self.asked: list[str] = []

    def batch_get_image(self, options: dict[str, str]) -> Any:
        image = {"imageId": {"imageDigest": "sha256:tagged"}}
        manifest = {"imageManifest": json.dumps(self.manifest)}
        return {
            "images": [image | manifest | {"imageManifestMediaType": self.manifest["mediaType"]}]
        }

    def describe_image_scan_findings(self, options: dict[str, str]) -> Any:
        self.asked.append(options["image-id"].removeprefix("imageDigest="))
        status = self.statuses.pop(0) if self.statuses[1:] else self.statuses[0]
        if status == "none":
            raise Failure("An error occurred (ScanNotFoundException)")
        return {"imageScanStatus": {"status": status}, "imageScanFindings": self.found}


def checked(ecr: Ecr, seconds: float = 60, **reasons: str) -> None:
    check(
        ecr, "myapp-staging", "abc", seconds, {k.replace("_", "-"): v for k, v in reasons.items()}
    )


@pytest.mark.parametrize("severity", ["CRITICAL", "HIGH"])
@pytest.mark.parametrize("fix", ["YES", "PARTIAL"])
def test_a_severe_finding_with_a_fix_is_refused(severity: str, fix: str) -> None:
    with pytest.raises(Failure, match=f"1 severe findings have a fix: {severity} CVE-2 in openssl"):
        checked(Ecr(enhanced(severity, fix)))


@pytest.mark.parametrize("found", [{}, enhanced("MEDIUM"), basic("LOW")])
def test_a_finding_that_is_not_severe_passes(found: dict[str, Any]) -> None:
    checked(Ecr(found, "ACTIVE"))


@pytest.mark.parametrize("found", [enhanced(fix="NO"), basic()])
def test_a_severe_finding_without_a_fix_is_reported_and_passes(
    found: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    checked(Ecr(found))
    assert "::warning title=Severe findings::1 in abc" in capsys.readouterr().out


def test_an_accepted_finding_passes(capsys: pytest.CaptureFixture[str]) -> None:
    checked(Ecr(enhanced()), CVE_2="not used")
    assert "accepted: HIGH CVE-2 in openssl 3.0: not used" in capsys.readouterr().out


def test_the_check_waits_for_a_running_scan() -> None:
    ecr = Ecr({}, "none", "PENDING", "IN_PROGRESS", "COMPLETE")
    checked(ecr)
    assert len(ecr.asked) == 4


@pytest.mark.parametrize("status", ["none", "IN_PROGRESS", "FAILED", "UNSUPPORTED_IMAGE"])
def test_an_image_without_a_scan_is_refused(status: str) -> None:
    with pytest.raises(
        Failure, match=r"there is no scan of myapp-staging@sha256:tagged: .*SCAN_SEC"
    ):
        checked(Ecr({}, status), seconds=0)


def test_an_index_is_checked_by_its_images_without_its_attestations() -> None:
    ecr = Ecr({}, index=True)
    checked(ecr)
    assert ecr.asked == [IMAGE]


def test_a_skipped_check_prints_a_warning() -> None:
    done = run_here("scripts/check-findings", "abc", "--seconds", "0")
    assert done.returncode == 0
    assert "::warning title=Not scanned::" in done.stdout


def test_production_checks_the_findings_before_it_promotes_but_not_for_a_redeploy() -> None:
    steps = yaml.safe_load((WORKFLOWS / "deploy-prod.yml").read_text())["jobs"]["deploy"]["steps"]
    names = [step.get("name") for step in steps]
    assert names.index("Check image findings") < names.index("Promote image")
    step = steps[names.index("Check image findings")]
    assert "github.event_name == 'push'" in step["if"]
