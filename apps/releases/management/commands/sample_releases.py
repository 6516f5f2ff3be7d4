from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.releases.models import Outcome, Release

# Version, commit, its age before the release, the time live, and how that ended; oldest first.
SAMPLES = (
    ("v1.0.0", "000c155c", timedelta(minutes=25), timedelta(days=9, hours=4), Outcome.SUPERSEDED),
    ("v1.1.0", "000d4ab2", timedelta(minutes=32), timedelta(minutes=16), Outcome.ROLLED_BACK),
    ("v1.0.0", "000c155c", timedelta(days=9), timedelta(hours=19), Outcome.SUPERSEDED),
    ("v1.1.1", "000d69a1", timedelta(minutes=46), timedelta(days=11, hours=6), Outcome.SUPERSEDED),
    ("v1.2.0", "000e8008", timedelta(minutes=25), timedelta(days=3, hours=2), Outcome.LIVE),
)


class Command(BaseCommand):
    help = "Record sample releases of the last weeks, to look at; the image lacks this command."

    def handle(self, *_args: Any, **_options: Any) -> None:
        if Release.objects.exists():
            raise CommandError("The database has releases already: samples are for an empty one.")
        started = timezone.now() - sum((sample[3] for sample in SAMPLES), timedelta())
        releases = []
        for version, commit, age, live, outcome in SAMPLES:
            ended = started + live
            releases.append(
                Release(
                    version=version,
                    commit=commit * 5,
                    committed=started - age,
                    environment=settings.APP_ENVIRONMENT,
                    started=started,
                    ended=None if outcome == Outcome.LIVE else ended,
                    outcome=outcome,
                )
            )
            started = ended
        Release.objects.bulk_create(releases)
