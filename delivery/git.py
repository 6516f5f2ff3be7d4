"""Client for git: it returns the output and raises errors of one line."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from delivery.errors import Failure


def git(*words: str, folder: Path | None = None) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise Failure(f"git {words[0]}: {' '.join(done.stderr.split())}")
    return done.stdout.strip()


def git_or_nothing(*words: str, folder: Path | None = None) -> str:
    """Return the output of git; empty if it fails."""
    try:
        return git(*words, folder=folder)
    except Failure:
        return ""


def slug() -> str:
    """Return OWNER/NAME of the remote origin."""
    match = re.search(r"[:/]([^/:]+/[^/]+?)(?:\.git)?/?$", git("remote", "get-url", "origin"))
    return match[1] if match else ""
