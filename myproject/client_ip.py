"""Who is calling, as far as it can be trusted."""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest

UNKNOWN = "::"


def client_ip(request: HttpRequest) -> str:
    """Return the address that django-axes counts wrong passwords for."""
    return caller(request.META)


def caller(environ: Mapping[str, Any]) -> str:
    """Return the caller's address, never with a port, and never what is no address.

    A load balancer appends it to X-Forwarded-For; what stands before it, anybody can have written.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html
    """
    forwarded = str(environ.get("HTTP_X_FORWARDED_FOR", "")).rpartition(",")[2]
    address = _parse(forwarded) if settings.BEHIND_LOAD_BALANCER else None
    # A Unix socket has no address, nor has a request that a test made by hand.
    return str(address or _parse(str(environ.get("REMOTE_ADDR", ""))) or UNKNOWN)


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address that is meant, as every spelling of it means the same caller."""
    text = text.strip(' \t"')
    try:
        address = ip_address(text)
    except ValueError:
        try:
            address = ip_address(urlsplit(f"//{text}").hostname or "")
        except ValueError:
            return None
    if isinstance(address, IPv4Address):
        return address
    # Without its zone, which names a network card.
    return address.ipv4_mapped or IPv6Address(int(address))
