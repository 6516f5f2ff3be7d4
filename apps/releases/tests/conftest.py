from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from apps.releases.models import Outcome, Release

MakeReleases = Callable[[int], list[Release]]


@pytest.fixture
def make_releases(db: None) -> MakeReleases:
    """Return a function that records releases an hour apart, the last of which is live."""

    def make(count: int) -> list[Release]:
        start = datetime.now(UTC) - timedelta(hours=count)
        releases = [
            Release(
                version=f"1.{n}.0",
                commit=f"{n:040x}",
                environment="test",
                started=start + timedelta(hours=n),
                ended=start + timedelta(hours=n + 1),
                outcome=Outcome.ROLLED_BACK if n % 4 == 1 else Outcome.SUPERSEDED,
            )
            for n in range(count)
        ]
        releases[-1].ended, releases[-1].outcome = None, Outcome.LIVE
        Release.objects.bulk_create(releases)
        # MySQL does not return the keys of what it inserts, as MariaDB does.
        return list(Release.objects.order_by("started"))

    return make
