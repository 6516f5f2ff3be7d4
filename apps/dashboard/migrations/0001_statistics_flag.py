from typing import Any

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

NAME = "release_statistics"


def create_flag(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    Flag: Any = apps.get_model("waffle", "Flag")
    Flag.objects.using(schema_editor.connection.alias).get_or_create(
        name=NAME,
        defaults={"everyone": False, "note": "Statistics of the last days on the releases page."},
    )


def delete_flag(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    Flag: Any = apps.get_model("waffle", "Flag")
    Flag.objects.using(schema_editor.connection.alias).filter(name=NAME).delete()


class Migration(migrations.Migration):
    """Create the flag, off for everyone, so that staff find it in the admin."""

    initial = True
    dependencies = [("waffle", "0004_update_everyone_nullbooleanfield")]

    operations = [migrations.RunPython(create_flag, delete_flag)]
