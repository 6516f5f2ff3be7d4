from datetime import datetime, timedelta
from statistics import median
from typing import NamedTuple

from apps.releases.models import Outcome, ReleaseQuerySet


class Statistics(NamedTuple):
    releases: int
    rolled_back_percent: int
    median_live: timedelta | None


def statistics(releases: ReleaseQuerySet, since: datetime) -> Statistics:
    """Sum up what started at `since` or later; what is still live has no time live yet."""
    started_since = list(releases.filter(started__gte=since))
    rolled_back = sum(release.outcome == Outcome.ROLLED_BACK for release in started_since)
    ended = [release.duration.total_seconds() for release in started_since if release.ended]
    return Statistics(
        len(started_since),
        round(100 * rolled_back / max(1, len(started_since))),
        timedelta(seconds=median(ended)) if ended else None,
    )
