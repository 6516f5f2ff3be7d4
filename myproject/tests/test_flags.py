import pytest
import waffle
from django.core.management import call_command
from django.test import RequestFactory


@pytest.mark.django_db
@pytest.mark.parametrize(("option", "active"), [("--deactivate", False), ("--everyone", True)])
def test_a_flag_is_off_until_somebody_turns_it_on(
    rf: RequestFactory, option: str, active: bool
) -> None:
    call_command("waffle_flag", f"trial{option}", "--create", option)
    assert waffle.flag_is_active(rf.get("/"), f"trial{option}") is active
