"""django-axes, which counts wrong passwords: the name to count for, and a count that can't fail."""

from collections.abc import Mapping
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.contrib.auth import get_user_model
from django.http import HttpRequest

from myproject.lost_races import repeat


def username(request: HttpRequest, credentials: Mapping[str, Any] | None) -> str | None:
    """Return the name that somebody tried, cut to what the table keeps.

    Django's form sends it as username, whatever the user model calls it; django-axes and other
    ways to sign in take the model's own word. Each must count, and be refused, as the same name.
    """
    sent = credentials or request.POST
    name = sent.get("username") or sent.get(get_user_model().USERNAME_FIELD)
    longest = AccessAttempt._meta.get_field("username").max_length
    return name and str(name)[:longest]


class Handler(AxesDatabaseHandler):  # type: ignore[misc]  # it has no types
    """django-axes' own handler, which leaves a deadlock between wrong passwords to its caller."""

    def user_login_failed(self, *args: Any, **kwargs: Any) -> None:
        """Count a wrong password, also where several for the same name arrive at once."""
        repeat(lambda: super(Handler, self).user_login_failed(*args, **kwargs))
