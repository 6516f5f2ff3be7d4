import pytest
from django.core.management import CommandError, call_command

from apps.releases.models import Release
from apps.releases.views import recent_figures

pytestmark = pytest.mark.django_db


def test_sample_releases_give_every_figure() -> None:
    call_command("sample_releases")
    live = Release.objects.live_in("test")
    assert live and live.version == "v1.2.0"
    assert recent_figures().deployments == 4
    assert recent_figures().failed == 1
    assert recent_figures().lead_time and recent_figures().recovery_time


def test_a_database_with_releases_gets_no_samples() -> None:
    call_command("record_release", "1.4.0", "9f3c1b7")
    with pytest.raises(CommandError, match="has releases"):
        call_command("sample_releases")
    assert Release.objects.count() == 1
