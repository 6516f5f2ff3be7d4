"""Ports of a rehearsal on this machine, and the addresses that they are part of.

Each has a usual port. Where somebody else has that one, the next of its candidates is used.
"""

from __future__ import annotations

import functools
import os
import re
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from rehearsal import docker
from rehearsal.errors import Failure
from rehearsal.paths import AWS, ENVIRONMENTS, host

# Browsers refuse 10080, so the others of port 80 are not 10000 apart from it.
WEB = (80, 8080, 18080, 28080)
# The runner's image names each of these in registries.conf.
API = (4566, 14566, 24566, 34566)
# The ports of MySQL and Redis in test.yml, and what its variable TEST_PORT_PREFIX puts before them.
TESTS = (3306, 3307, 3308, 6379, 6380)
PREFIXES = ("", "1", "2", "3")


@dataclass(frozen=True)
class Ports:
    """The ports that the local AWS publishes."""

    web: int = WEB[0]  # the load balancers
    api: int = API[0]  # AWS's API and the registry


@functools.cache
def current() -> Ports:
    """Return the ports of the local AWS that runs, or else those that the next one gets."""
    listed = docker.docker("ps", f"--filter=name=^{AWS}$", "--format={{.Ports}}")
    published = {int(port) for port in re.findall(r":(\d+)->", listed)}
    return Ports(
        web=choose(WEB, published, "the load balancers need"),
        api=choose(API, published, "the local AWS needs"),
    )


def choose(candidates: Sequence[int], published: set[int], who_needs: str) -> int:
    """Return the candidate that is published already, or else the first that is free."""
    for port in candidates:
        if port in published:
            return port
    for port in candidates:
        if not is_taken(port):
            return port
    raise none_free(candidates[0], who_needs)


def tests_prefix() -> str:
    """Return TEST_PORT_PREFIX: empty, or the first digit with which all of test.yml's are free."""
    for prefix in PREFIXES:
        if not any(is_taken(int(f"{prefix}{port}")) for port in TESTS):
            return prefix
    raise none_free(first_taken(), "test.yml's MySQL and Redis need")


def first_taken() -> int:
    """Return the first port of test.yml that somebody has, or just the first if none is left."""
    return next(filter(is_taken, TESTS), TESTS[0])


def is_taken(port: int) -> bool:
    """Return whether somebody listens on a port, on any address of this machine."""
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    try:
        socket.create_server(("", port), family=family, dualstack_ipv6=both).close()
    except PermissionError:  # below 1024, and we are not root
        with suppress(OSError), socket.create_connection(("localhost", port), 1):
            return True
    except OSError:
        return True
    return False


def moved() -> list[str]:
    """Return a line for each port that is not the usual one, with who has that."""
    found, prefix = current(), tests_prefix()
    lines = []
    if found.web != WEB[0]:
        lines.append(f"The load balancers have port {found.web}{because(WEB[0])}")
    if found.api != API[0]:
        lines.append(f"The local AWS has port {found.api}{because(API[0])}")
    if prefix:
        others = " ".join(f"{prefix}{port}" for port in TESTS)
        lines.append(f"MySQL and Redis of test.yml have the ports {others}{because(first_taken())}")
    return lines


def because(port: int) -> str:
    """Return who has a port, as the end of a sentence."""
    if container := publisher(port):
        return f": the container {container} has port {port}."
    if is_taken(port):
        return f": port {port} is taken (ss -ltnp 'sport = :{port}' shows by what)."
    return ", as when they were started."


def none_free(port: int, who_needs: str) -> Failure:
    """Return the error for a port that is taken like its candidates."""
    container = publisher(port)
    shown = f"end the program that ss -ltnp 'sport = :{port}' shows"
    return Failure(
        f"{who_needs} port {port}, which is taken, and no other port can replace it:"
        f" {f'docker stop {container}' if container else shown}; or use rehearsal/box, which has"
        " its own ports"
    )


def publisher(port: int) -> str:
    """Return the container that publishes a port, if any."""
    return docker.docker("ps", f"--filter=publish={port}", "--format={{.Names}}").partition("\n")[0]


def api_url() -> str:
    """Return the address of AWS's API."""
    return f"http://127.0.0.1:{current().api}"


def registry() -> str:
    """Return the registry's name, which Docker accepts over plain HTTP."""
    return f"localhost:{current().api}"


def url(environment: str) -> str:
    """Return an environment's address on this machine and in the jobs."""
    return with_port(environment, current().web)


def browser_url(environment: str) -> str:
    """Return its address for a person: rehearsal/box publishes it on another port."""
    return with_port(environment, int(os.environ.get("REHEARSAL_BROWSER_PORT") or current().web))


def curl_config() -> str:
    """Return a .curlrc with which the addresses of the pages, on port 80, lead to the real port."""
    return "".join(
        f'connect-to = "{host(environment)}:80:127.0.0.1:{current().web}"\n'
        for environment in ENVIRONMENTS
    )


def with_port(environment: str, port: int) -> str:
    return f"http://{host(environment)}" + (f":{port}" if port != 80 else "")
