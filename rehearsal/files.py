"""Files that other programs or later rehearsals read."""

from __future__ import annotations

from pathlib import Path


def replace_text(path: Path, text: str) -> None:
    """Replace a file atomically, so that a reader finds the old or the new text."""
    temporary = path.with_name(f"{path.name}.part")
    temporary.write_text(text)
    temporary.replace(path)
