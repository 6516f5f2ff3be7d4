"""Version numbers: which texts are versions, and how they compare."""

import pytest

from delivery.versions import is_tag, is_version, numbers

NO_VERSIONS = ["", "1.2", "1.2.3.4", "01.2.3", "1.2.3-rc1", "1.2.3\n", "1.2.\u0663", "latest"]


@pytest.mark.parametrize("text", ["0.0.0", "1.2.3", "10.20.30"])
def test_a_version_has_three_numbers_and_its_tag_a_v_before_them(text: str) -> None:
    assert is_version(text) and is_tag(f"v{text}")
    assert not is_version(f"v{text}") and not is_tag(text)


@pytest.mark.parametrize("text", NO_VERSIONS)
def test_other_texts_are_not_versions(text: str) -> None:
    assert not is_version(text) and not is_tag(f"v{text}")


def test_versions_compare_by_their_numbers() -> None:
    assert numbers("v1.10.0") > numbers("1.9.9")
