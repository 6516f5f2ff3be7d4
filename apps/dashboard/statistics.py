from datetime import datetime, timedelta
from statistics import median

from apps.releases.models import ReleaseQuerySet


def median_live(releases: ReleaseQuerySet, since: datetime) -> timedelta | None:
    """Return how long the releases since a time were live; nothing where none has ended."""
    ended = releases.filter(started__gte=since, ended__isnull=False)
    seconds = [release.duration.total_seconds() for release in ended]
    return timedelta(seconds=median(seconds)) if seconds else None
