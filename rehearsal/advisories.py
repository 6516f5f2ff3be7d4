"""PyPI's list of known vulnerabilities, without which the audit of the dependencies can't run."""

from __future__ import annotations

import re
import urllib.request

from rehearsal.paths import ROOT

URL = "https://pypi.org/pypi/{}/{}/json"  # where pip-audit looks
UNREACHABLE = "PyPI's advisories can't be reached: the dependencies' audit DOES NOT RUN"


def are_reachable() -> bool:
    """Whether PyPI tells of one of the pinned packages what is known about it."""
    pin = re.search(r"^([\w-]+)==([\w.]+)", (ROOT / "requirements.txt").read_text(), re.M)
    assert pin
    try:
        urllib.request.urlopen(URL.format(*pin.groups()), timeout=10).close()
    except OSError:
        return False
    return True
