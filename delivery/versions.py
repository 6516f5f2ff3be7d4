"""Version numbers: MAJOR.MINOR.PATCH, which a tag writes with a `v` before them."""

from __future__ import annotations

import re

NUMBER = "(?:0|[1-9][0-9]*)"
PATTERN = rf"{NUMBER}\.{NUMBER}\.{NUMBER}"


def is_version(text: str) -> bool:
    """Return whether a text is a version such as 1.2.3."""
    return bool(re.fullmatch(PATTERN, text))


def is_tag(text: str) -> bool:
    """Return whether a text is the tag of a version, such as v1.2.3."""
    return bool(re.fullmatch(f"v{PATTERN}", text))


def numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version or of its tag, to compare them."""
    return tuple(map(int, version.removeprefix("v").split(".")))


def is_lower(tag: str, other: str) -> bool:
    """Return whether both texts are tags of versions, and the first is the lower one."""
    return is_tag(tag) and is_tag(other) and numbers(tag) < numbers(other)
