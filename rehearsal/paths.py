"""Paths and addresses of a rehearsal."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "rehearsal" / ".out"
REPOSITORY = OUT / "repository"
LOGS = OUT / "logs"
REPORT = OUT / "report.html"
TIMELINE = OUT / "timeline.json"
DRILLS = OUT / "drills.json"
DRILLS_REPORT = OUT / "drills.html"
CHANGE = OUT / "change.json"  # the change last deployed to staging
MADE = OUT / "made.json"  # the sources and the local AWS of the environments
CURL_CONFIG = OUT / ".curlrc"  # curl reads it from its CURL_HOME

ENVIRONMENTS = ("staging", "production")
REGION = "us-east-1"
ACCOUNT = "123456789012"

# Everything in Docker that is ours has this prefix and this label; act's containers have neither.
NETWORK = "rehearsal"
LABEL = "rehearsal=1"
AWS = "rehearsal-aws"
SHELL = "rehearsal-shell"
RUNNER_IMAGE = "rehearsal-runner"
AWS_IMAGE = "rehearsal-aws"

API_PORT = 4566  # in the container of the local AWS; rehearsal/ports.py has those of the machine


def host(environment: str) -> str:
    """Return the name of an environment's load balancer; browsers take it for this machine."""
    return f"myapp-{environment}.elb.localhost"
