from django.db import migrations


class Migration(migrations.Migration):
    """Deploy 3: the models have no is_live any more; the column stays for the code before."""

    dependencies = [("releases", "0005_is_live_default")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RemoveField(model_name="release", name="is_live")],
        ),
    ]
