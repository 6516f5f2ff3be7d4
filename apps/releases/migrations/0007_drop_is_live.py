from django.db import migrations, models


class Migration(migrations.Migration):
    """Deploy 4: drop the column. No code that runs, or is rolled back to, knows it."""

    dependencies = [("releases", "0006_forget_is_live")]

    operations = [
        # The models know it again, so that it can be dropped.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AddField(
                    model_name="release",
                    name="is_live",
                    field=models.BooleanField(db_default=True),
                ),
            ],
        ),
        migrations.RemoveField(model_name="release", name="is_live"),
    ]
