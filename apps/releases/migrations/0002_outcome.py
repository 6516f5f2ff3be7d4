from django.db import migrations, models


class Migration(migrations.Migration):
    """Deploy 1: add how a release ended, beside whether it is live.

    The code with it writes both and reads is_live. The code before it inserts no outcome, so the
    database fills it in.
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
    ]
