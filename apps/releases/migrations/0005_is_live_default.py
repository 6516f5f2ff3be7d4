from django.db import migrations, models


class Migration(migrations.Migration):
    """Deploy 3: the database fills in is_live, which the code with it no longer writes."""

    dependencies = [("releases", "0004_fill_outcome_again")]

    operations = [
        migrations.AlterField(
            model_name="release",
            name="is_live",
            field=models.BooleanField(db_default=True),
        ),
    ]
