"""PyPI's database of known vulnerabilities, which the dependency audit requires."""

from __future__ import annotations

import re
import urllib.request

from rehearsal.paths import ROOT

URL = "https://pypi.org/pypi/{}/{}/json"  # the source of pip-audit
UNREACHABLE = "PyPI's advisories cannot be reached: the dependency audit DOES NOT RUN"


def are_reachable() -> bool:
    """Return whether PyPI returns the known vulnerabilities of a pinned package."""
    pin = re.search(r"^([\w-]+)==([\w.]+)", (ROOT / "requirements.txt").read_text(), re.M)
    assert pin
    try:
        urllib.request.urlopen(URL.format(*pin.groups()), timeout=10).close()
    except OSError:
        return False
    return True
