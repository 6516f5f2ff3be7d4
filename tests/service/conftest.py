"""The service under gunicorn, connected to MySQL and Redis through proxies that can be shut."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

import pytest
from django.db import connection

from tests.service.tcp_proxy import TcpProxy

ROOT = Path(__file__).resolve().parents[2]
# A machine that is busy answers later; only a service that is broken does not answer within these.
PATIENCE = 60  # seconds
PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "tests.service.settings",
    "APP_ENVIRONMENT": "staging",
    "APP_VERSION": "1.2.3",
    "APP_COMMIT": "0123abc",
    "ALLOWED_HOSTS": "example.com",
    "SECRET_KEY": "0123456789abcdef" * 4,
    "DATABASE_READ_TIMEOUT": "3",
    "HEALTH_TIMEOUT": str(PATIENCE / 2),
}


@dataclass
class Service:
    """A running service, with its port and the file of its log."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    mysql: TcpProxy
    redis: TcpProxy
    proxies: list[TcpProxy] = field(init=False)

    def __post_init__(self) -> None:
        self.proxies = [self.mysql, self.redis]

    def get(
        self, path: str, method: str = "GET", **headers: str
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """Request as the load balancer does: for example.com, over HTTPS that ended there."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        known = {"Host": "example.com", "X-Forwarded-Proto": "https"}
        client.request(method, path, headers=known | headers)
        response = client.getresponse()
        body = response.read()
        client.close()
        return response, body

    def health(self) -> tuple[int, dict[str, str], dict[str, Any]]:
        """Return the code of /health/, the status of each check, and the whole body."""
        response, body = self.get("/health/")
        whole = json.loads(body)
        return response.status, {n: c["status"] for n, c in whole["checks"].items()}, whole

    def access_log(self, request_id: str) -> dict[str, Any]:
        """Return the record of a request, which is written after the answer was sent."""
        return self.wait_for_line(
            lambda line: (line["logger"], line["request_id"]) == ("gunicorn.access", request_id)
        )

    def wait_for_line(self, is_wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the first line of the log that meets a condition, once it is there."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            whole_lines = self.log.read_text().rpartition("\n")[0].splitlines()
            for line in map(json.loads, whole_lines):
                if is_wanted(line):
                    return dict(line)
            time.sleep(0.05)
        raise TimeoutError(self.log.read_text())


@contextmanager
def serve(folder: Path, *options: str, silent: bool = False, **variables: str) -> Iterator[Service]:
    """Run the service on the test database while the block runs, which starts once it is live.

    With `silent`, MySQL and Redis accept connections and never answer, even before the start.
    """
    database, redis = urlsplit(os.environ["DATABASE_URL"]), urlsplit(os.environ["REDIS_URL"])
    log = folder / "log"
    with (
        TcpProxy(database.hostname or "", database.port or 3306) as mysql_proxy,
        TcpProxy(redis.hostname or "", redis.port or 6379) as redis_proxy,
        # It is open before the service starts, so that no other program can take the port.
        socket.create_server(("127.0.0.1", 0)) as listener,
        log.open("wb") as output,
    ):
        if silent:
            mysql_proxy.silence()
            redis_proxy.silence()
        environment = PRODUCTION | {
            "DATABASE_URL": _through(database, mysql_proxy, connection.settings_dict["NAME"]),
            "REDIS_URL": _through(redis, redis_proxy, redis.path),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--bind", f"fd://{listener.fileno()}", *options],
            cwd=ROOT,
            env=os.environ | environment | variables,
            pass_fds=[listener.fileno()],
            stdout=output,
            stderr=output,
        )
        running = Service(process, listener.getsockname()[1], log, mysql_proxy, redis_proxy)
        listener.close()
        try:
            assert running.get("/health/live/")[0].status == 200
            yield running
        finally:
            # A thread that waits for a silent server would hold up the end.
            mysql_proxy.shut()
            redis_proxy.shut()
            process.terminate()
            process.wait(PATIENCE)


@pytest.fixture(scope="session", autouse=True)
def static_files(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Collect static files once, outside the checkout, for all services of this run."""
    os.environ["STATIC_ROOT"] = str(tmp_path_factory.mktemp("static"))
    collect = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity=0"]
    unused = {"DATABASE_URL": "mysql://none/none", "REDIS_URL": "redis://none"}
    subprocess.run(collect, cwd=ROOT, env=os.environ | PRODUCTION | unused, check=True)


@pytest.fixture(scope="session")
def service(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all tests that do not start their own."""
    with serve(tmp_path_factory.mktemp("service")) as running:
        yield running


def _through(url: SplitResult, proxy: TcpProxy, name: str) -> str:
    credentials = url.netloc.rpartition("@")[0]
    netloc = f"{credentials}@127.0.0.1:{proxy.port}" if credentials else f"127.0.0.1:{proxy.port}"
    return urlunsplit((url.scheme, netloc, name.lstrip("/"), url.query, ""))
