import re
from typing import Any

from django.conf import settings
from django.db import connections, router
from django.db.migrations.executor import MigrationExecutor

from .models import Release


def record_release(using: str, **_kwargs: Any) -> None:
    """Record the release that is being deployed, if its version and commit are known."""
    known = "unknown" not in (settings.APP_VERSION, settings.APP_COMMIT)
    if known and has_table(using):
        releases = Release.objects.using(using)
        live = releases.live_in(settings.APP_ENVIRONMENT)
        releases.record(
            version=settings.APP_VERSION,
            commit=settings.APP_COMMIT,
            committed=settings.APP_CREATED,
            environment=settings.APP_ENVIRONMENT,
            rolled_back=live is not None and is_lower(settings.APP_VERSION, live.version),
        )


def is_lower(version: str, other: str) -> bool:
    """Return whether both are versions such as v1.2.3 and the first is lower (a rollback)."""
    numbers = [re.fullmatch(r"v?(\d+)\.(\d+)\.(\d+)", text) for text in (version, other)]
    first, second = ([int(n) for n in match.groups()] if match else [] for match in numbers)
    return bool(first and second) and first < second


def has_table(using: str) -> bool:
    """Return whether a database has the table of releases, with all its migrations applied."""
    executor = MigrationExecutor(connections[using])
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes("releases"))
    return router.allow_migrate_model(using, Release) and not pending
