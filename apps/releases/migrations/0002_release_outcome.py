from typing import Any

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def fill_outcome(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    Release: Any = apps.get_model("releases", "Release")
    releases = Release.objects.using(schema_editor.connection.alias)
    releases.filter(is_live=False, outcome="live").update(outcome="superseded")


class Migration(migrations.Migration):
    """Expand: how a release ended, beside whether it is live.

    The code before this one inserts no outcome, so the database fills it in. This one's code knows
    no is_live any more, so that the column can go while it runs; until then the database fills that
    in too, for the code before.
    """

    dependencies = [("releases", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="release",
            name="outcome",
            field=models.CharField(
                choices=[
                    ("live", "Live"),
                    ("superseded", "Superseded"),
                    ("rolled-back", "Rolled back"),
                ],
                db_default="live",
                max_length=11,
            ),
        ),
        migrations.RunPython(fill_outcome, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="release",
            name="is_live",
            field=models.BooleanField(db_default=True),
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RemoveField(model_name="release", name="is_live")],
        ),
    ]
