"""Client for the GitHub CLI: it returns the output and raises errors of one line."""

from __future__ import annotations

import os
import subprocess

from delivery.errors import Failure
from delivery.git import slug

GET_GH = "https://cli.github.com (apt-get install gh, brew install gh), then gh auth login"


def gh(*words: str) -> str:
    """Return the output of gh for the repository of origin, whatever other remotes there are."""
    variables = os.environ | {"GH_REPO": slug()}
    try:
        done = subprocess.run(["gh", *words], env=variables, capture_output=True, text=True)
    except FileNotFoundError:
        raise Failure(f"gh is missing: {GET_GH}; or check CI yourself: --without-ci") from None
    if done.returncode:
        raise Failure(f"gh {words[0]}: {' '.join(done.stderr.split())}")
    return done.stdout
