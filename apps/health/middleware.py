"""Readiness without what only pages need."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from .views import health


class ReadinessMiddleware:
    """Answer /health/ before sessions, messages, policies and the rest come into it.

    Deploys, monitors and load balancers ask all day, and all that middleware costs more than the
    checks themselves.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.path = reverse("health:readiness")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path != self.path:
            return self.get_response(request)
        # What CommonMiddleware does for pages: a host that is not ours is refused.
        request.get_host()
        return health(request)
