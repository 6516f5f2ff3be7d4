"""Client for the AWS CLI: it returns answers as data and raises errors of one line."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from delivery.errors import Failure

# What the CLI reads where an option's value names it.
STDIN = "file:///dev/stdin"


@dataclass
class Aws:
    """The AWS CLI in one region, with credentials other than the caller's if given."""

    region: str
    seconds: float = 1
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __call__(self, service: str, action: str, *words: str) -> Any:
        """Run an action of the CLI and return its answer."""
        return self._run(service, action, *words)

    def with_secret(self, secret: str, service: str, action: str, *words: str) -> Any:
        """Run an action with a secret where an option says STDIN: no list of processes has it."""
        return self._run(service, action, *words, given=secret)

    def _run(self, service: str, action: str, *words: str, given: str | None = None) -> Any:
        command = ["aws", service, action, "--region", self.region, "--output", "json", *words]
        try:
            environ = {**os.environ, **self.credentials}
            done = subprocess.run(command, input=given, capture_output=True, text=True, env=environ)
        except FileNotFoundError:
            raise Failure(
                "the AWS CLI is missing: https://docs.aws.amazon.com/cli/latest/userguide/"
                "getting-started-install.html"
            ) from None
        if done.returncode:
            raise Failure(f"aws {service} {action}: {' '.join(done.stderr.split())}")
        return json.loads(done.stdout or "{}")

    def wait(self) -> None:
        time.sleep(self.seconds)


def check_account(aws: Aws, account: str, path: Path) -> None:
    """Raise Failure unless the credentials match the account and region of the parameter file."""
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        if os.environ.get(variable, aws.region) != aws.region:
            raise Failure(
                f"{variable} is {os.environ[variable]}, and {path} is for {aws.region}:"
                " change one of them"
            )
    try:
        caller = aws("sts", "get-caller-identity")
    except Failure as error:
        if "aws sts" not in str(error):
            raise
        raise Failure(
            f"AWS accepts no credentials: aws configure, or aws sso login ({error})"
        ) from None
    if caller["Account"] != account:
        raise Failure(
            f"the credentials are for account {caller['Account']}, and {path} is for {account}:"
            ' use others, or change "account" there'
        )
