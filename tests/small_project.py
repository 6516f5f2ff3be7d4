"""A Django project of one model, one test and one page, to try migrations with."""

from pathlib import Path

PROJECT = {
    "requirements.txt": "",
    "manage.py": "from django.core.management import execute_from_command_line\n"
    "import sys\n"
    "execute_from_command_line(sys.argv)\n",
    "gunicorn.conf.py": 'wsgi_app = "myproject.wsgi"\ncontrol_socket_disable = True\n',
    "pytest.ini": "[pytest]\n",
    "myproject/settings/test.py": """\
import os
from urllib.parse import unquote, urlsplit
url = urlsplit(os.environ["DATABASE_URL"])
server = {"HOST": url.hostname, "PORT": url.port or 3306, "NAME": url.path[1:]}
server |= {"USER": unquote(url.username or ""), "PASSWORD": unquote(url.password or "")}
DATABASES = {"default": {"ENGINE": "django.db.backends.mysql", **server}}
ALLOWED_HOSTS = ["localhost"]
SECRET_KEY = "x"
INSTALLED_APPS = ["apps.things"]
ROOT_URLCONF = "myproject.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
""",
    "myproject/wsgi.py": "from django.core.wsgi import get_wsgi_application\n"
    "application = get_wsgi_application()\n",
    "myproject/urls.py": """\
from django.http import JsonResponse
from django.urls import re_path
from apps.things.models import Thing
def page(request):
    return JsonResponse({"first": Thing.objects.get(pk=1).name})
urlpatterns = [re_path("", page)]
""",
    "apps/things/models.py": """\
from django.db import models
class Thing(models.Model):
    name = models.CharField(max_length=20)
""",
    "apps/things/migrations/__init__.py": "",
    "apps/things/migrations/0001_initial.py": """\
from django.db import migrations, models
class Migration(migrations.Migration):
    initial = True
    operations = [migrations.CreateModel("Thing", [
        ("id", models.BigAutoField(primary_key=True)),
        ("name", models.CharField(max_length=20)),
    ])]
""",
    "apps/things/tests/test_things.py": """\
import pytest
from apps.things.models import Thing
@pytest.mark.django_db
def test_two_things_may_have_the_same_name():
    for _ in range(2):
        Thing.objects.create(name="x")
    assert [thing.name for thing in Thing.objects.all()] == ["x", "x"]
""",
    "apps/things/tests/rollback_data.json": (
        '[{"model": "things.thing", "pk": 1, "fields": {"name": "old"}}]'
    ),
}
MIGRATION = """\
from django.db import migrations, models
class Migration(migrations.Migration):
    dependencies = [("things", "0001_initial")]
    operations = [{}]
"""


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
