"""scripts/find-image: it puts out the digest of a tag that is there."""

from pathlib import Path

import pytest

from delivery.deploy.find_image import find
from delivery.errors import Failure
from tests.delivery.fake_ecr import FakeEcr

pytestmark = pytest.mark.usefixtures("outputs")


def test_the_digest_of_a_tag_is_an_output(outputs: Path) -> None:
    find(FakeEcr(images_abc="sha256:1"), "images", "abc")
    assert outputs.read_text() == "digest=sha256:1\n"


def test_a_missing_tag_is_reported_but_does_not_fail(
    outputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    find(FakeEcr(images_abc="sha256:1"), "images", "def")
    assert "images has no def yet" in capsys.readouterr().out
    assert outputs.read_text() == ""


def test_a_tag_of_another_repository_does_not_count(outputs: Path) -> None:
    find(FakeEcr(other_abc="sha256:1"), "images", "abc")
    assert outputs.read_text() == ""


def test_an_error_of_aws_is_not_a_missing_tag(outputs: Path) -> None:
    ecr = FakeEcr()
    ecr.error = "An error occurred (AccessDeniedException)"
    with pytest.raises(Failure, match="AccessDeniedException"):
        find(ecr, "images", "abc")
    assert outputs.read_text() == ""
