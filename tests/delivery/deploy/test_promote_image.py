"""scripts/promote-image: which digest it copies to production, and what it refuses."""

import os
import stat
from pathlib import Path

import pytest

from delivery.deploy.promote_image import promote
from delivery.errors import Failure
from tests.delivery.fake_ecr import FakeEcr

COMMIT, DIGEST, OTHER = "c" * 40, "sha256:1", "sha256:2"


@pytest.fixture
def skopeo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A skopeo that notes what it was asked."""
    program, note = tmp_path / "skopeo", tmp_path / "note"
    program.write_text(f'#!/bin/sh\necho "$@" >> {note}\n')
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    note.touch()
    return note


def promoted(ecr: FakeEcr, redeploy: bool = False) -> str:
    return promote(ecr, "registry", "staging", "production", COMMIT, "v1.2.3", redeploy)


def test_promotion_copies_the_digest_and_checks_the_copy(
    skopeo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ecr = FakeEcr(**{f"staging_{COMMIT}": DIGEST})
    with pytest.raises(Failure, match=r"production:v1.2.3 is missing, expected sha256:1"):
        promoted(ecr)
    assert skopeo.read_text().split() == [
        *("copy", "--all", "--preserve-digests"),
        *(f"docker://registry/staging@{DIGEST}", "docker://registry/production:v1.2.3"),
    ]


def test_promoting_twice_copies_once(skopeo: Path) -> None:
    ecr = FakeEcr(**{f"staging_{COMMIT}": DIGEST, "production_v1.2.3": DIGEST})
    assert promoted(ecr) == DIGEST
    assert skopeo.read_text() == ""


@pytest.mark.parametrize(
    ("images", "problem"),
    [
        ({}, "staging never ran it"),
        (
            {f"staging_{COMMIT}": DIGEST, "production_v1.2.3": OTHER},
            "v1.2.3 already exists with digest",
        ),
    ],
)
def test_an_image_that_can_not_be_promoted_is_refused(
    skopeo: Path, images: dict[str, str], problem: str
) -> None:
    with pytest.raises(Failure, match=problem):
        promoted(FakeEcr(**images))
    assert skopeo.read_text() == ""


def test_a_failed_copy_is_reported(skopeo: Path) -> None:
    (skopeo.parent / "skopeo").write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(Failure, match="could not copy registry/staging@sha256:1"):
        promoted(FakeEcr(**{f"staging_{COMMIT}": DIGEST}))


def test_a_redeploy_uses_only_an_image_that_was_promoted_before(skopeo: Path) -> None:
    assert promoted(FakeEcr(**{"production_v1.2.3": DIGEST}), redeploy=True) == DIGEST
    with pytest.raises(Failure, match="was never promoted"):
        promoted(FakeEcr(**{f"staging_{COMMIT}": DIGEST}), redeploy=True)
