from typing import Any

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def end_all_but_the_newest(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    Release: Any = apps.get_model("releases", "Release")
    releases = Release.objects.using(schema_editor.connection.alias)
    # What code from before 0002 ended while 0002 was being deployed: it knew no outcome.
    releases.filter(outcome="live", ended__isnull=False).update(outcome="superseded")
    successors: dict[str, Any] = {}
    for release in releases.filter(outcome="live").order_by("-started", "-pk"):
        if successor := successors.get(release.environment):
            release.ended, release.outcome = successor.started, "superseded"
            release.save(update_fields=["ended", "outcome"])
        successors[release.environment] = release


def fill_is_live(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    Release: Any = apps.get_model("releases", "Release")
    releases = Release.objects.using(schema_editor.connection.alias)
    releases.exclude(outcome="live").update(is_live=False)


class Migration(migrations.Migration):
    """Contract: outcome says it all, and the database lets one release be live in an environment.

    Safe once no process runs the code from before 0002: the code since then knows no is_live, and
    ends a release before it records the next.
    """

    dependencies = [("releases", "0002_release_outcome")]

    operations = [
        # Known again, in order to be dropped.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AddField(
                    model_name="release",
                    name="is_live",
                    field=models.BooleanField(db_default=True),
                ),
            ],
        ),
        migrations.RunPython(end_all_but_the_newest, fill_is_live),
        migrations.RemoveField(model_name="release", name="is_live"),
        migrations.AddField(
            model_name="release",
            name="live_in",
            field=models.GeneratedField(
                db_persist=False,
                expression=models.Case(
                    models.When(outcome="live", then=models.F("environment")),
                ),
                output_field=models.CharField(max_length=64, null=True),
            ),
        ),
        migrations.AddConstraint(
            model_name="release",
            constraint=models.UniqueConstraint(fields=["live_in"], name="one_live_release"),
        ),
    ]
