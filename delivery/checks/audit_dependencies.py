"""Look up every pinned dependency in PyPI's list of known vulnerabilities, with pip-audit.

Exit code 0: none is known. 1: some are. 75: not all could be looked up, so nothing was proved.
Where OFFLINE=1 says that this is to be expected, it is a warning.
"""

import argparse
import json
import os
import subprocess
import sys
from typing import Any

from delivery.paths import ROOT

DID_NOT_RUN = 75  # sysexits.h: temporary failure
FILES = ("requirements.txt", "requirements-ci.txt")


def verdict(report: dict[str, Any]) -> tuple[int, str]:
    """Return the exit code and the message for what pip-audit found."""
    packages = report["dependencies"]
    vulnerable = [
        f"{package['name']} {package['version']}: {flaw['id']}"
        f" (fixed in {', '.join(flaw['fix_versions']) or 'no release yet'})"
        for package in packages
        for flaw in package.get("vulns", [])
    ]
    if vulnerable:
        return 1, "\n".join(vulnerable)
    if unknown := [package for package in packages if "skip_reason" in package]:
        reason = unknown[0]["skip_reason"]
        return DID_NOT_RUN, f"{len(unknown)} of {len(packages)} could not be looked up: {reason}"
    return 0, f"{len(packages)} packages, no known vulnerability"


def main() -> int:
    argparse.ArgumentParser("scripts/audit-dependencies", description=__doc__).parse_args()
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--format=json",
        "--progress-spinner=off",
        "--disable-pip",
    ]
    command += ["--require-hashes", *(f"--requirement={name}" for name in FILES)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    try:
        code, message = verdict(json.loads(done.stdout))
    except json.JSONDecodeError:
        code, message = DID_NOT_RUN, f"pip-audit gave no report: {done.stderr.strip()[-300:]}"
    if code == DID_NOT_RUN and os.environ.get("OFFLINE") == "1":
        print(f"::warning title=Dependency audit DID NOT RUN::{message}")
        return 0
    print(message)
    return code


if __name__ == "__main__":
    sys.exit(main())
