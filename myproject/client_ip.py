"""The address of the client, as far as it can be trusted."""

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
    """Return the client's address without a port, or UNKNOWN if there is no valid address.

    The load balancer appends the address to X-Forwarded-For. A client can write anything before it.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html
    """
    forwarded = str(environ.get("HTTP_X_FORWARDED_FOR", "")).rpartition(",")[2]
    address = _parse(forwarded) if settings.BEHIND_LOAD_BALANCER else None
    # A client on a Unix socket and a request made by a test have no address.
    return str(address or _parse(str(environ.get("REMOTE_ADDR", ""))) or UNKNOWN)


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address in a text, in one spelling; None if there is none."""
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
    # Without its zone, which names a network interface.
    return address.ipv4_mapped or IPv6Address(int(address))
