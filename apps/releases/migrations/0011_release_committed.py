from django.db import migrations, models


class Migration(migrations.Migration):
    """Expand: when the commit of a release was made. The code before this one leaves it empty."""

    dependencies = [("releases", "0010_one_live_release")]

    operations = [
        migrations.AddField(
            model_name="release",
            name="committed",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]
