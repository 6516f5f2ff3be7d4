from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from apps.releases.models import Release


class Command(BaseCommand):
    help = "Record by hand that a release is live; a deploy does so when it migrates."

    def add_arguments(self, parser: ArgumentParser) -> None:
        # Not --version, with which Django prints its own version.
        parser.add_argument(
            "release_version", metavar="VERSION", nargs="?", help="such as 1.4.0 (APP_VERSION)"
        )
        parser.add_argument("commit", metavar="COMMIT", nargs="?", help="its hash (APP_COMMIT)")
        parser.add_argument(
            "--environment",
            default=settings.APP_ENVIRONMENT,
            help="where it is live (%(default)s)",
        )
        parser.add_argument(
            "--rollback",
            action="store_true",
            help="the release that it replaces was rolled back, not superseded",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        version, commit = options["release_version"], options["commit"]
        committed = None
        if version is None:
            version, commit = settings.APP_VERSION, settings.APP_COMMIT
            committed = settings.APP_CREATED
        elif commit is None:
            raise CommandError("COMMIT is missing: a VERSION needs the commit it was built from.")
        try:
            release, news = Release.objects.record(
                version=version,
                commit=commit,
                committed=committed,
                environment=options["environment"],
                rolled_back=options["rollback"],
            )
        except ValidationError as error:
            problems = error.message_dict.items()
            raise CommandError(
                "\n".join(f"{name}: {' '.join(messages)}" for name, messages in problems)
            ) from None
        said = "is live now" if news else "was live already"
        self.stdout.write(f"{release} ({release.short_commit}) {said}.")
