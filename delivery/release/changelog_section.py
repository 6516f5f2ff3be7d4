"""Print the section of CHANGELOG.md on a version, without its heading."""

from __future__ import annotations

import argparse
from pathlib import Path

from delivery.changelog import Changelog
from delivery.command import run


def section(changelog: str, version: str) -> str:
    """Return the section of a version, whose heading is `## [1.2.3] - 2026-01-31`."""
    return Changelog(changelog).text(version)


def main() -> None:
    parser = argparse.ArgumentParser("scripts/changelog-section", description=__doc__)
    parser.add_argument("version", metavar="VERSION", help="such as v1.2.3")
    args = parser.parse_args()
    run(
        "scripts/changelog-section",
        lambda: print(section(Path("CHANGELOG.md").read_text(), args.version)),
    )


if __name__ == "__main__":
    main()
