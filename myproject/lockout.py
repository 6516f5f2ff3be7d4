"""The user name under which django-axes counts wrong passwords."""

from collections.abc import Mapping
from typing import Any

from axes.models import AccessAttempt
from django.contrib.auth import get_user_model
from django.http import HttpRequest


def username(request: HttpRequest, credentials: Mapping[str, Any] | None) -> str | None:
    """Return the name that somebody tried, cut to what the table keeps.

    Django's form sends it as username, whatever the user model calls it; django-axes and other
    ways to sign in take the model's own word. Each must count, and be refused, as the same name.
    """
    sent = credentials or request.POST
    name = sent.get("username") or sent.get(get_user_model().USERNAME_FIELD)
    longest = AccessAttempt._meta.get_field("username").max_length
    return name and str(name)[:longest]
