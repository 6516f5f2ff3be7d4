"""Slow and silent clients delay nobody else.

To measure response times during a minute of slow clients, and the duration of each: SLOW_SECONDS=60
make test ARGS="tests/service/test_slow_clients.py -s"
"""

import os
import subprocess
from contextlib import ExitStack, closing
from itertools import cycle, islice
from pathlib import Path

import pytest

from delivery.checks.slow_clients import KINDS, LIVENESS, PAGES, Server, has_ended, open_slow

from .conftest import ROOT, Service, serve

pytestmark = pytest.mark.django_db
CONNECTIONS = 200
SECONDS = os.environ.get("SLOW_SECONDS")


def pages_are_served_while_slow_connections_are_open(service: Service) -> None:
    server = Server(("127.0.0.1", service.port), "example.com")
    with ExitStack() as stack:
        slow = [
            (stack.enter_context(closing(open_slow(server, kind))), kind)
            for kind in islice(cycle(KINDS), CONNECTIONS)
        ]
        for path in 4 * (LIVENESS, *PAGES):
            assert service.get(path)[0].status == 200
        assert not [kind.name for connection, kind in slow if has_ended(connection, kind)]


def test_pages_are_served_while_slow_connections_are_open(service: Service) -> None:
    pages_are_served_while_slow_connections_are_open(service)


def test_one_thread_serves_pages_while_slow_connections_are_open(
    django_db_setup: None, tmp_path: Path
) -> None:
    with serve(tmp_path, WEB_WORKERS="1", WEB_THREADS="1") as service:
        pages_are_served_while_slow_connections_are_open(service)


@pytest.mark.skipif(not SECONDS, reason="takes a minute: set SLOW_SECONDS=60")
def test_slow_clients_stay_within_the_limits(django_db_setup: None, tmp_path: Path) -> None:
    with serve(tmp_path) as service:
        command = ["scripts/slow-clients", f"http://127.0.0.1:{service.port}"]
        command += ["--host", "example.com", "--seconds", str(SECONDS)]
        assert subprocess.run(command, cwd=ROOT).returncode == 0
