"""Files that another program reads, or a later rehearsal."""

from __future__ import annotations

from pathlib import Path


def replace_text(path: Path, text: str) -> None:
    """Write a file so that its reader finds the old text or the new one, also after a kill."""
    scratch = path.with_name(f"{path.name}.part")
    scratch.write_text(text)
    scratch.replace(path)
