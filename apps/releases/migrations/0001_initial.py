from django.db import migrations, models


class Migration(migrations.Migration):
    """The first, naive schema: a release is live or not, and two may be live at once."""

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Release",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("version", models.CharField(max_length=128)),
                ("commit", models.CharField(max_length=64)),
                ("environment", models.CharField(max_length=64)),
                ("started", models.DateTimeField()),
                ("ended", models.DateTimeField(blank=True, editable=False, null=True)),
                ("is_live", models.BooleanField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["environment", "started"], name="release_history"),
                ],
            },
        ),
    ]
