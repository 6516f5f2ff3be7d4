from typing import Any

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def fill_outcome(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    Release: Any = apps.get_model("releases", "Release")
    releases = Release.objects.using(schema_editor.connection.alias)
    releases.filter(is_live=False, outcome="live").update(outcome="superseded")


def fill_is_live(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    Release: Any = apps.get_model("releases", "Release")
    releases = Release.objects.using(schema_editor.connection.alias)
    releases.exclude(outcome="live").update(is_live=False)


class Migration(migrations.Migration):
    """Deploy 2: fill the outcome of what the first code wrote during deploy 1, or after a rollback.

    The code with it reads outcome, and still writes both. Migrated back, what later code wrote gets
    its is_live.
    """

    dependencies = [("releases", "0003_fill_outcome")]

    operations = [migrations.RunPython(fill_outcome, fill_is_live)]
