"""The service as it ships, under gunicorn, with doors to its MySQL and Redis that can be shut."""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

import pytest
from django.db import connection

from tests.service.door import Door, free_port

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Service:
    """A running service: what it is asked for comes from its port, what it logs from its file."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    mysql: Door
    redis: Door
    doors: list[Door] = field(init=False)

    def __post_init__(self) -> None:
        self.doors = [self.mysql, self.redis]

    def get(
        self, path: str, method: str = "GET", **headers: str
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """Ask as the load balancer does, for example.com over HTTPS that ended there."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
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
        """Return the line about a request; it is written when the answer has been sent."""
        for _ in range(100):
            for line in self.log.read_text().splitlines():
                entry: dict[str, Any] = json.loads(line)
                if (entry["logger"], entry["request_id"]) == ("gunicorn.access", request_id):
                    return entry
            time.sleep(0.05)
        raise TimeoutError(self.log.read_text())


@pytest.fixture(scope="session")
def service(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all tests, on the test database."""
    database = urlsplit(os.environ["DATABASE_URL"])
    redis = urlsplit(os.environ["REDIS_URL"])
    log = tmp_path_factory.mktemp("service") / "log"
    port = free_port()
    with (
        Door(database.hostname or "", database.port or 3306) as mysql_door,
        Door(redis.hostname or "", redis.port or 6379) as redis_door,
        log.open("wb") as output,
    ):
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "myproject.settings.production",
            "APP_ENVIRONMENT": "staging",
            "APP_VERSION": "1.2.3",
            "APP_COMMIT": "0123abc",
            "ALLOWED_HOSTS": "example.com",
            "SECRET_KEY": "0123456789abcdef" * 4,
            "DATABASE_URL": _through(database, mysql_door, connection.settings_dict["NAME"]),
            "REDIS_URL": _through(redis, redis_door, redis.path),
            "DATABASE_READ_TIMEOUT": "3",
            "HEALTH_TIMEOUT": "0.9",
        }
        collect = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity=0"]
        subprocess.run(collect, cwd=ROOT, env=environment, check=True)
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=output,
        )
        running = Service(process, port, log, mysql_door, redis_door)
        try:
            _wait_until_up(running)
            yield running
        finally:
            process.terminate()
            process.wait(30)


def _through(url: SplitResult, door: Door, name: str) -> str:
    credentials = url.netloc.rpartition("@")[0]
    netloc = f"{credentials}@127.0.0.1:{door.port}" if credentials else f"127.0.0.1:{door.port}"
    return urlunsplit((url.scheme, netloc, name.lstrip("/"), url.query, ""))


def _wait_until_up(service: Service) -> None:
    for _ in range(200):
        try:
            service.get("/health/live/")
        except OSError:
            assert service.process.poll() is None, service.log.read_text()
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(service.log.read_text())
