"""git and gh for scripts: what they say, and their refusals in one line."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from scripts.aws import Failure

GET_GH = "https://cli.github.com (apt-get install gh, brew install gh), then gh auth login"


def git(*words: str, folder: Path | None = None) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise Failure(f"git {words[0]}: {' '.join(done.stderr.split())}")
    return done.stdout.strip()


def slug() -> str:
    """Return origin's owner/name."""
    match = re.search(r"[:/]([^/:]+/[^/]+?)(?:\.git)?/?$", git("remote", "get-url", "origin"))
    return match[1] if match else ""


def gh(*words: str) -> str:
    """Return what gh says of origin's repository, whatever other remotes there are."""
    variables = os.environ | {"GH_REPO": slug()}
    try:
        done = subprocess.run(["gh", *words], env=variables, capture_output=True, text=True)
    except FileNotFoundError:
        raise Failure(f"gh is missing: {GET_GH}; or --without-ci, and look yourself") from None
    if done.returncode:
        raise Failure(f"gh {words[0]}: {' '.join(done.stderr.split())}")
    return done.stdout
