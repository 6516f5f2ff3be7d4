from typing import Any

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def fill_outcome(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    Release: Any = apps.get_model("releases", "Release")
    releases = Release.objects.using(schema_editor.connection.alias)
    releases.filter(is_live=False, outcome="live").update(outcome="superseded")


class Migration(migrations.Migration):
    """Deploy 1: fill the outcome of what is stored."""

    dependencies = [("releases", "0002_outcome")]

    operations = [migrations.RunPython(fill_outcome, migrations.RunPython.noop)]
