"""Print what CHANGELOG.md says of a version, without its heading."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from scripts.actions import run
from scripts.aws import Failure


def section(changelog: str, version: str) -> str:
    """Return a version's section; its heading is `## [1.2.3] - 2026-01-31`."""
    heading = rf"^## \[?{re.escape(version.removeprefix('v'))}\]?(?: [^\n]*)?$"
    match = re.search(rf"{heading}\n(.*?)(?=^## |^\[[^\]]+\]: |\Z)", changelog, re.M | re.S)
    if not match:
        raise Failure(f"CHANGELOG.md has no section on {version}")
    if text := match[1].strip():
        return text
    raise Failure(f"CHANGELOG.md says nothing about {version}")


def main() -> None:
    parser = argparse.ArgumentParser("scripts/changelog-section", description=__doc__)
    parser.add_argument("version", metavar="VERSION", help="such as v1.2.3")
    words = parser.parse_args()
    run(
        "changelog-section",
        lambda: print(section(Path("CHANGELOG.md").read_text(), words.version)),
    )


if __name__ == "__main__":
    main()
