"""scripts/changelog-section: which lines of CHANGELOG.md belong to a version."""

import pytest

from delivery.errors import Failure
from delivery.release.changelog_section import section

CHANGELOG = """# Changelog

## [Unreleased]

## [1.2.3] - 2026-01-31

### Added

- A thing.

## [1.2.2] - 2026-01-30

- An older thing.

## [1.2.1]

[1.2.3]: https://example.com/1.2.3
"""


def test_a_section_is_the_text_under_its_heading() -> None:
    assert section(CHANGELOG, "v1.2.3") == "### Added\n\n- A thing."


def test_the_last_section_ends_before_the_links() -> None:
    with pytest.raises(Failure, match=r"says nothing about v1.2.1"):
        section(CHANGELOG, "v1.2.1")


@pytest.mark.parametrize("version", ["v1.2.4", "v1.2", "v1.2.33", "v112.3"])
def test_a_version_without_a_section_is_refused(version: str) -> None:
    with pytest.raises(Failure, match="has no section"):
        section(CHANGELOG, version)
