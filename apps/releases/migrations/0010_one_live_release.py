from django.db import migrations, models


class Migration(migrations.Migration):
    """Deploy 5: the database lets one release be live in an environment."""

    dependencies = [("releases", "0009_live_in")]

    operations = [
        migrations.AddConstraint(
            model_name="release",
            constraint=models.UniqueConstraint(fields=["live_in"], name="one_live_release"),
        ),
    ]
