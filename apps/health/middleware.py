"""Middleware that answers /health/ before all other middleware."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from .views import health


class ReadinessMiddleware:
    """Answer /health/ without sessions, messages, policies and the other middleware.

    Deploys, monitors and load balancers request it all day, and the other middleware would cost
    more than the checks.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.path = reverse("health:readiness")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path != self.path:
            return self.get_response(request)
        # CommonMiddleware does this for pages: it refuses a host that is not in ALLOWED_HOSTS.
        request.get_host()
        return health(request)
