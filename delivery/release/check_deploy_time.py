"""Refuse a deploy after Friday noon, because nobody would watch it on Saturday.

$DEPLOY_TIME_ZONE is the time zone (UTC); ALLOW_FRIDAY_DEPLOY=true allows a hotfix.
"""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from delivery.command import run
from delivery.errors import Failure

FRIDAY = 4


def zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        raise Failure(
            f"DEPLOY_TIME_ZONE is {name!r}, which is not a time zone such as Europe/Berlin"
        ) from None


def check(now: datetime) -> None:
    there = now.astimezone(zone(os.environ.get("DEPLOY_TIME_ZONE") or "UTC"))
    late = there.weekday() == FRIDAY and there.hour >= 12
    if late and os.environ.get("ALLOW_FRIDAY_DEPLOY") != "true":
        raise Failure(
            f"it is {there:%A, %H:%M} {there.tzname()}: wait until Monday, or for a hotfix set the"
            " variable ALLOW_FRIDAY_DEPLOY to true and run this again"
        )


def main() -> None:
    argparse.ArgumentParser("scripts/check-deploy-time", description=__doc__).parse_args()
    run("scripts/check-deploy-time", lambda: check(datetime.now(UTC)))


if __name__ == "__main__":
    main()
