"""Check every pinned dependency for known vulnerabilities in PyPI's database, with pip-audit.

If $SCOPE is set, as in a deploy, it checks only the packages in the image, because an advisory on a
tool of CI must not delay a hotfix. It names the advisories in accepted-advisories.toml, which pass
until their date.

Exit code 0: none is known. 1: some are. 75: some packages could not be looked up.
With OFFLINE=1, that is only a warning.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from delivery.checks.accepted_advisories import accepted
from delivery.command import run
from delivery.errors import Failure
from delivery.paths import ROOT

DID_NOT_RUN = 75  # sysexits.h: temporary failure
IMAGE = "requirements.txt"
TOOLS = "requirements-ci.txt"


def flaws(packages: Iterable[Any]) -> Iterator[tuple[set[str], str]]:
    """Yield the ids and a description of each known vulnerability."""
    for package in packages:
        for flaw in package.get("vulns", []):
            fixed = ", ".join(flaw["fix_versions"]) or "no release yet"
            text = f"{package['name']} {package['version']}: {flaw['id']} (fixed in {fixed})"
            yield {flaw["id"], *flaw.get("aliases", [])}, text


def verdict(report: Any, reasons: Mapping[str, str]) -> tuple[int, str]:
    """Return the exit code and the message for pip-audit's report, given the accepted ids."""
    packages = report.get("dependencies") if isinstance(report, dict) else None
    if not packages:
        return 1, "pip-audit reported no package, so nothing was looked up"
    vulnerable = []
    for names, text in flaws(packages):
        if known := names & reasons.keys():
            print(f"accepted: {text}: {reasons[known.pop()]}")
        else:
            vulnerable.append(text)
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
    files = [IMAGE] if os.environ.get("SCOPE") else [IMAGE, TOOLS]
    command += ["--require-hashes", *(f"--requirement={name}" for name in files)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    try:
        reasons = accepted(datetime.now(UTC).date())
        code, message = verdict(json.loads(done.stdout), reasons)
    except Failure as failure:
        code, message = 1, str(failure)
    except json.JSONDecodeError:
        code, message = DID_NOT_RUN, f"pip-audit gave no report: {done.stderr.strip()[-300:]}"
    if code == DID_NOT_RUN and os.environ.get("OFFLINE") == "1":
        print(f"::warning title=Dependency audit DID NOT RUN::{message}")
        return 0
    print(message)
    return code


if __name__ == "__main__":
    run("scripts/audit-dependencies", main)
