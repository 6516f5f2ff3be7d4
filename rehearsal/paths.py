"""Paths and addresses of a rehearsal."""

from __future__ import annotations

import os
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

API_PORT = 4566
WEB_PORT = 80
API = f"http://127.0.0.1:{API_PORT}"


def host(environment: str) -> str:
    """Return the name of an environment's load balancer; browsers take it for this machine."""
    return f"myapp-{environment}.elb.localhost"


def url(environment: str) -> str:
    """Return an environment's address on this machine and in the jobs."""
    return f"http://{host(environment)}"


def browser_url(environment: str) -> str:
    """Return its address for a person: rehearsal/box publishes it on another port."""
    port = os.environ.get("REHEARSAL_BROWSER_PORT")
    return f"{url(environment)}:{port}" if port else url(environment)
