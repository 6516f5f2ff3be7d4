"""A new app in a copy of the project, and what all tests of such a copy share."""

import subprocess
from pathlib import Path

import pytest

from tests.delivery.in_process import run_here

LOCAL = "myproject.settings.local"
# In a session with the tests of the apps: Django takes longer to start than to look.
COMPLETE = """\
import pytest
from django.core.management import call_command
@pytest.mark.django_db
def test_no_migration_is_missing():
    call_command("makemigrations", "--check", "--dry-run")
"""


def new_app_here(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *words: str
) -> subprocess.CompletedProcess[str]:
    """Make an app in a folder with the Django of this process."""
    monkeypatch.setattr("template.new_app.ROOT", folder)
    return run_here("scripts/new-app", *words, DJANGO_SETTINGS_MODULE=LOCAL)
