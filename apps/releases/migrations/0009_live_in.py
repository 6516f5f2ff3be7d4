from django.db import migrations, models


class Migration(migrations.Migration):
    """Deploy 5: add the environment of a live release, which the database computes."""

    dependencies = [("releases", "0008_end_all_but_the_newest")]

    operations = [
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
    ]
