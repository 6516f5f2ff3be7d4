from datetime import datetime, timedelta
from typing import Self

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone

from myproject.lost_races import repeat
from myproject.release_names import LONGEST_COMMIT, LONGEST_ENVIRONMENT, LONGEST_VERSION, WORD


class Outcome(models.TextChoices):
    LIVE = "live"
    SUPERSEDED = "superseded"
    ROLLED_BACK = "rolled-back", "Rolled back"


class ReleaseQuerySet(models.QuerySet["Release"]):
    def in_environment(self, environment: str) -> Self:
        return self.filter(environment=environment)

    def newest_first(self) -> Self:
        return self.order_by("-started", "-pk")

    def live_in(self, environment: str) -> "Release | None":
        return self.filter(live_in=environment).first()

    def record(
        self,
        *,
        version: str,
        commit: str,
        environment: str,
        committed: datetime | None = None,
        rolled_back: bool = False,
    ) -> tuple["Release", bool]:
        """Record a release as the live one; return it, and whether it was not live already.

        The release that it replaces becomes superseded or rolled back. A recording that loses a
        race against another one starts again, so that all are kept and the last one is live.
        """
        release = self.model(
            version=version,
            commit=commit,
            committed=committed,
            environment=environment,
            outcome=Outcome.LIVE,
        )
        release.full_clean(exclude=["started"], validate_unique=False, validate_constraints=False)
        end = Outcome.ROLLED_BACK if rolled_back else Outcome.SUPERSEDED
        return repeat(lambda: self._replace_live(release, end))

    def _replace_live(self, release: "Release", end: Outcome) -> tuple["Release", bool]:
        # A deadlock undoes the whole transaction, so this must be the outermost one (durable).
        with transaction.atomic(using=self.db, durable=True):
            live = self.select_for_update().live_in(release.environment)
            release.started = timezone.now()
            if live:
                if (live.version, live.commit) == (release.version, release.commit):
                    return live, False
                # The clock of the machine that recorded the other may be ahead of ours.
                release.started = max(release.started, live.started)
                live.ended, live.outcome = release.started, end
                live.save(using=self.db, update_fields=["ended", "outcome"])
            release.pk = None
            release.save(using=self.db, force_insert=True)
            return release, True


class Release(models.Model):
    """A version in an environment: when it was live, and how that ended."""

    version = models.CharField(max_length=LONGEST_VERSION)
    commit = models.CharField(max_length=LONGEST_COMMIT)
    # When the commit was made, where that is known.
    committed = models.DateTimeField(null=True, blank=True, editable=False)
    environment = models.CharField(max_length=LONGEST_ENVIRONMENT)
    started = models.DateTimeField()
    ended = models.DateTimeField(null=True, blank=True, editable=False)
    outcome = models.CharField(max_length=11, choices=Outcome, db_default=Outcome.LIVE)
    # The environment while live, else NULL, which a unique index lets repeat. Other databases would
    # use a conditional index, which MySQL does not have.
    live_in = models.GeneratedField(
        expression=models.Case(models.When(outcome="live", then=models.F("environment"))),
        output_field=models.CharField(max_length=64, null=True),
        db_persist=False,
    )

    objects = ReleaseQuerySet.as_manager()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["live_in"], name="one_live_release"),)
        indexes = (models.Index(fields=["environment", "started"], name="release_history"),)

    def __str__(self) -> str:
        return f"{self.name} in {self.environment}"

    def clean(self) -> None:
        """Refuse a version, commit or environment that is empty, unknown or not one word."""
        names = ("version", "commit", "environment")
        wrong = [name for name in names if not WORD.fullmatch(getattr(self, name))]
        if wrong:
            message = 'Must be one word of printable ASCII, and not "unknown".'
            raise ValidationError(dict.fromkeys(wrong, message))

    @property
    def short_commit(self) -> str:
        return self.commit[:8]

    @property
    def name(self) -> str:
        """Return the version, or the short commit where the version is a commit (before a tag)."""
        return self.short_commit if self.version == self.commit else self.version

    @property
    def duration(self) -> timedelta:
        """Return how long the release was live, or has been live until now."""
        return (self.ended or timezone.now()) - self.started
