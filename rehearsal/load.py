"""Load generator: requests at a steady rate. It counts each answer; a rollout must lose none."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from rehearsal import ports
from rehearsal.paths import host
from rehearsal.timeline import Load, Lost, Second

# Both name the commit that answers. The first checks database and cache; the second reads data.
PATHS = ("/health/", "/releases.json")
CONNECTIONS = 6
TIMEOUT = 10  # seconds that a user would wait


class Client:
    """A persistent connection, like a browser's or a proxy's."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.connection: http.client.HTTPConnection | None = None

    def get(self, path: str) -> str:
        """Return the commit that answered; raise OSError if the answer is bad."""
        try:
            if not self.connection:
                port = ports.current().web
                self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
            self.connection.request("GET", path, headers={"Host": self.host})
            answer = self.connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise OSError(str(error) or type(error).__name__) from None
        if answer.status != 200:
            raise OSError(f"status {answer.status}: {body[:200].decode(errors='replace')}")
        return commit_in(path, body)

    def close(self) -> None:
        if self.connection:
            self.connection.close()
        self.connection = None


def commit_in(path: str, body: bytes) -> str:
    """Return the commit that an answer names; raise OSError if the service did not send it."""
    with suppress(ValueError, KeyError, TypeError):
        found = json.loads(body)
        return str((found if path == "/health/" else found["answering"])["commit"])
    raise OSError(f"the answer is not the service's: {body[:200].decode(errors='replace')}")


class Generator:
    """Sends requests at a rate until it is stopped, and counts every answer."""

    def __init__(self, environment: str, rate: int, now: Callable[[], float]) -> None:
        self.host, self.now = host(environment), now
        self.load = Load(url=ports.browser_url(environment), rate=rate)
        self.stopped = threading.Event()
        self.lock = threading.Lock()
        self.seconds: dict[int, Second] = {}
        self.times: dict[int, list[float]] = {}
        self.threads = [
            threading.Thread(target=self.run, args=(number,), daemon=True)
            for number in range(CONNECTIONS)
        ]

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def stop(self) -> Load:
        """Wait for the open requests, and return the counts."""
        self.stopped.set()
        for thread in self.threads:
            thread.join(TIMEOUT + 1)
        return self.snapshot()

    def snapshot(self) -> Load:
        """Return the counts so far."""
        with self.lock:
            self.load.seconds = [self.seconds[second] for second in sorted(self.seconds)]
            for second in self.load.seconds:
                times = sorted(self.times[second.second])
                second.p95_ms = round(times[int(len(times) * 0.95)] * 1000, 1) if times else 0
        return self.load

    def run(self, number: int) -> None:
        """Send every CONNECTIONS-th request on time: a slow answer delays no other request."""
        client = Client(self.host)
        pause = CONNECTIONS / self.load.rate
        due = time.monotonic() + pause * number / CONNECTIONS
        turn = number
        while not self.stopped.wait(max(0, due - time.monotonic())):
            self.ask(client, PATHS[turn % len(PATHS)])
            due = max(due + pause, time.monotonic() - 1)
            turn += 1
        client.close()

    def ask(self, client: Client, path: str) -> None:
        began, at = time.monotonic(), self.now()
        try:
            commit, why = client.get(path), ""
        except OSError as error:
            commit, why = "", str(error)
        took = time.monotonic() - began
        with self.lock:
            second = self.seconds.setdefault(int(at), Second(int(at)))
            self.times.setdefault(int(at), []).append(took)
            self.load.requests += 1
            if why:
                second.lost += 1
                self.load.lost.append(Lost(round(at, 2), path, why))
            else:
                second.answered[commit] = second.answered.get(commit, 0) + 1
