"""DORA's four figures, as far as the record of releases tells them.

https://dora.dev/guides/dora-metrics/ defines them; docs/deploy.md says how they are computed.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from statistics import median
from typing import NamedTuple

from django.db.models import Q

from .models import Outcome, ReleaseQuerySet


class Figures(NamedTuple):
    deployments: int
    lead_time: timedelta | None
    failed: int
    recovery_time: timedelta | None

    @property
    def failed_percent(self) -> int | None:
        return round(100 * self.failed / self.deployments) if self.deployments else None


def figures(releases: ReleaseQuerySet, since: datetime) -> Figures:
    """Sum up the deployments in one environment since a time; a return by rollback is none."""
    recent = releases.filter(Q(started__gte=since) | Q(ended__gte=since)).order_by("started", "pk")
    outcomes_before = [None, *(release.outcome for release in recent)]
    deployed = [
        release
        for release, before in zip(recent, outcomes_before, strict=False)
        if release.started >= since and before != Outcome.ROLLED_BACK
    ]
    failed = [release for release in deployed if release.outcome == Outcome.ROLLED_BACK]
    return Figures(
        len(deployed),
        typical(release.started - release.committed for release in deployed if release.committed),
        len(failed),
        typical(release.duration for release in failed),
    )


def typical(times: Iterable[timedelta]) -> timedelta | None:
    """Return the median; nothing where there is no time."""
    seconds = [time.total_seconds() for time in times]
    return timedelta(seconds=median(seconds)) if seconds else None
