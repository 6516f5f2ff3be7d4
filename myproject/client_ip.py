"""Who is calling, as far as it can be trusted."""

from django.conf import settings
from django.http import HttpRequest


def client_ip(request: HttpRequest) -> str:
    """Return the caller's address.

    A load balancer appends it to X-Forwarded-For; what stands before it, anybody can have written.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html
    """
    forwarded = request.headers.get("X-Forwarded-For", "")
    if settings.BEHIND_LOAD_BALANCER and forwarded:
        return forwarded.rpartition(",")[2].strip()
    # A request that a test made by hand has no address.
    return str(request.META.get("REMOTE_ADDR", ""))
