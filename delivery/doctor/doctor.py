"""Check the configuration, with one line for each finding and the command that fixes it.

Changes nothing. The exit code is 0 if all findings are good, and 1 if something is missing or
wrong, or could not be checked.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import partial

from delivery.command import run
from delivery.doctor import doctor_github
from delivery.doctor.doctor_aws import Examination
from delivery.doctor.findings import MISSING, OK, WRONG, Finding, Findings, asked
from delivery.environments import ENVIRONMENTS
from delivery.github.client import Gh, repository_of_clone
from delivery.github.gh import GET_GH
from delivery.paths import ROOT

# Each with the text that it prints if it works.
TOOLS = {
    "git": (["git", "--version"], "https://git-scm.com/downloads"),
    "docker": (
        ["docker", "info", "--format=engine {{.ServerVersion}}"],
        "scripts/start-docker --install",
    ),
    "the AWS CLI": (
        ["aws", "--version"],
        "https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html",
    ),
    "gh": (["gh", "--version"], GET_GH),
}
PORT = 8000  # of `make run`
FREE_GB = 12  # what a first `make pipeline` takes  # only with: rehearsal


def machine() -> Findings:
    version = ".".join(map(str, sys.version_info[:3]))
    fits = (3, 11) <= sys.version_info < (3, 14)
    yield Finding(OK if fits else WRONG, f"python {version}", "" if fits else "PYTHON=python3.11")
    for name, (command, source) in TOOLS.items():
        yield tool(name, command, source)
    # only with: rehearsal
    free = shutil.disk_usage(ROOT).free / 1e9
    if free >= FREE_GB:
        yield Finding(OK, f"disk: {free:.0f} GB are free")
    else:
        what = f"disk: {free:.0f} GB are free, but a first make pipeline takes {FREE_GB} GB"
        yield Finding(WRONG, what, "docker system prune")
    # until here: rehearsal
    yield port(PORT)


def tool(name: str, command: list[str], source: str) -> Finding:
    if not shutil.which(command[0]):
        return Finding(MISSING, name, source)
    done = subprocess.run(command, capture_output=True, text=True)
    said = (done.stdout or done.stderr).strip().partition("\n")[0]
    if done.returncode:
        return Finding(WRONG, f"{name}: {said or 'does not answer'}", source)
    return Finding(OK, f"{name}: {said}")


def port(number: int) -> Finding:
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", number)):
            return Finding(OK, f"port {number} is free, for make run")
    return Finding(
        WRONG, f"port {number} is taken", f"take another port: PORT={number + 1} make run"
    )


def parts(repository: str) -> dict[str, tuple[str, Callable[[], Findings]]]:
    """Return the parts that can be checked: the title and the check of each."""

    def github() -> Findings:
        return doctor_github.examine(Gh(repository or repository_of_clone()))

    def aws(environment: str) -> Findings:
        yield from Examination(environment).findings()

    return {
        "machine": ("This machine", machine),
        "github": ("GitHub", github),
        **{name: (f"AWS: {name}", partial(aws, name)) for name in ENVIRONMENTS},
    }


def step_for(finding: Finding) -> str:
    """Return the next step that fixes a finding."""
    if finding.state == MISSING and finding.fix.startswith("https://"):
        return f"{finding.what} is missing: {finding.fix}"
    return finding.fix or finding.what


def main() -> None:
    parser = argparse.ArgumentParser("scripts/doctor", description=__doc__)
    known = list(parts(""))
    parser.add_argument("part", nargs="*", metavar="PART", help=f"{', '.join(known)} (all)")
    parser.add_argument("--repository", metavar="OWNER/NAME", help="default: the remote origin")
    args = parser.parse_args()
    if unknown := set(args.part) - set(known):
        parser.error(f"{', '.join(sorted(unknown))}: the parts are {', '.join(known)}")
    found: list[Finding] = []
    for name, (title, find) in parts(args.repository).items():
        if args.part and name not in args.part:
            continue
        print(f"{title}:")
        for finding in asked(name, find):
            print(f"  {finding}")
            found.append(finding)
    bad = [finding for finding in found if finding.state != OK]
    print(f"{len(found) - len(bad)} ok, {len(bad)} not")
    # One step may fix many findings. Later steps need the earlier ones.
    steps = dict.fromkeys(map(step_for, bad))
    if steps:
        print("Next, in this order:")
    for number, step in enumerate(steps, 1):
        print(f"  {number}. {step}")
    sys.exit(bool(bad))


if __name__ == "__main__":
    run("scripts/doctor", main)
