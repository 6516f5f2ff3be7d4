import pytest
from django.core.management import call_command
from waffle.models import Flag


@pytest.mark.django_db(transaction=True)
def test_flag_is_created_off() -> None:
    call_command("migrate", "dashboard", "zero", verbosity=0)
    assert not Flag.objects.filter(name="release_statistics").exists()
    call_command("migrate", "dashboard", verbosity=0)
    assert Flag.objects.get(name="release_statistics").everyone is False
