from typing import Any

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def end_all_but_the_newest(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    Release: Any = apps.get_model("releases", "Release")
    releases = Release.objects.using(schema_editor.connection.alias)
    successors: dict[str, Any] = {}
    for release in releases.filter(outcome="live").order_by("-started", "-pk"):
        if successor := successors.get(release.environment):
            release.ended, release.outcome = successor.started, "superseded"
            release.save(update_fields=["ended", "outcome"])
        successors[release.environment] = release


class Migration(migrations.Migration):
    """Deploy 5: leave one live release in each environment, as the constraint wants it.

    The code since deploy 2 ends a release before it records the next.
    """

    dependencies = [("releases", "0007_drop_is_live")]

    operations = [migrations.RunPython(end_all_but_the_newest, migrations.RunPython.noop)]
