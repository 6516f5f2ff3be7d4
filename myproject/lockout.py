"""What django-axes counts wrong passwords for."""

from collections.abc import Mapping
from typing import Any

from axes.models import AccessAttempt
from django.http import HttpRequest


def username(request: HttpRequest, credentials: Mapping[str, Any] | None) -> str | None:
    """Return the name that somebody tried, cut to what the table keeps."""
    name = (credentials or request.POST).get("username")
    longest = AccessAttempt._meta.get_field("username").max_length
    return name and str(name)[:longest]
