"""Fixtures of the tests of the rehearsal's AWS: ministack with our patches, and servers."""

from __future__ import annotations

import os

from rehearsal.aws import settings

# ministack reads these variables at its import.
os.environ.update(settings.ADMINISTRATOR, MINISTACK_ACCOUNT_ID="123456789012", AUTH="true")

import asyncio
import functools
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse

from rehearsal.aws import install

install.install()

from ministack import app  # noqa: E402
from ministack.services import alb, cloudformation, cloudwatch, ecr, ecs, iam  # noqa: E402

from rehearsal.aws.authorization import decisions  # noqa: E402
from rehearsal.aws.faults import faults  # noqa: E402
from rehearsal.aws.logins import issue  # noqa: E402
from rehearsal.aws.registry import blobs  # noqa: E402
from rehearsal.aws.targets import targets  # noqa: E402
from rehearsal.aws.traffic import traffic  # noqa: E402


@pytest.fixture(autouse=True)
def nothing_yet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Begin every test with an empty AWS, and without Docker."""
    monkeypatch.setattr(blobs, "folder", tmp_path / "blobs")
    blobs.links.clear()
    monkeypatch.setattr(ecs, "_get_docker", lambda: None)
    for service in (alb, cloudformation, cloudwatch, ecr, ecs, iam):
        service.reset()
    decisions.clear()
    faults.clear()
    targets.known.clear()
    targets.busy.clear()
    traffic.counts.clear()
    yield
    for upload in list(blobs.uploads):
        blobs.cancel(upload)


def signed(service: str) -> str:
    """Return the Authorization header of the administrator, whose signature is not checked."""
    key = settings.ADMINISTRATOR["AWS_ACCESS_KEY_ID"]
    return (
        f"AWS4-HMAC-SHA256 Credential={key}/20261122/us-east-1/{service}/aws4_request, Signature=0"
    )


def login(key: str = settings.ADMINISTRATOR["AWS_ACCESS_KEY_ID"]) -> str:
    """Return the Authorization header of a registry login with an access key."""
    return f"Basic {issue(key)}"


@dataclass
class Server:
    """A target that answers with a status and records its requests."""

    status: int = 200
    asked: list[str] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    port: int = 0


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(self.path)
            found.agents.append(self.headers["User-Agent"])
            self.send_response(found.status)
            self.send_header("Content-Length", "5")
            self.send_header("Set-Cookie", "a=1")
            self.send_header("Set-Cookie", "b=2")
            self.end_headers()
            self.wfile.write(b"hello")

        def log_message(self, *words: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        found.port = http.server_port
        threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
        yield found
        http.shutdown()


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a target that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@dataclass
class Answered:
    """An answer of the router."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    finished: bool = False


def ask(method: str, path: str, body: bytes = b"", query: str = "", **headers: str) -> Answered:
    """Send a request through the router; in a header's name _ stands for -."""
    answered = Answered()
    named = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": named,
        "client": ("127.0.0.1", 1),
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answered.status = message["status"]
            answered.headers = [(k.decode(), v.decode()) for k, v in message["headers"]]
        else:
            answered.body += message.get("body", b"")
            answered.finished = not message.get("more_body", False)

    async def serve() -> None:
        await app.app(scope, receive, send)
        # CloudFormation continues after its answer.
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})

    asyncio.run(serve())
    return answered


def make_balancer(port: int, name: str = "myapp", **settings: Any) -> tuple[str, str]:
    """Create a load balancer with a target group; return both ARNs."""
    alb._create_lb({"Name": [name]})
    balancer = next(arn for arn, lb in alb._lbs.items() if lb["LoadBalancerName"] == name)
    alb._create_tg({"Name": [name], "Port": [str(port)], "TargetType": ["ip"]})
    group = next(arn for arn, tg in alb._tgs.items() if tg["TargetGroupName"] == name)
    alb._tgs[group].update(settings)
    alb._create_listener(
        {
            "LoadBalancerArn": [balancer],
            "Port": ["80"],
            "DefaultActions.member.1.Type": ["forward"],
            "DefaultActions.member.1.TargetGroupArn": [group],
        }
    )
    return balancer, group


class Stream:
    """An answer's body as botocore reads it."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def stream(self, **options: object) -> Iterator[bytes]:
        yield self.body


def through_the_door(request: Any, **options: object) -> AWSResponse:
    """Send a request of botocore to the router instead of the network."""
    parts = urlsplit(request.url)
    body = request.body or b""
    headers = {
        k.lower(): v.decode() if isinstance(v, bytes) else v for k, v in request.headers.items()
    }
    answered = ask(
        request.method,
        parts.path or "/",
        body.encode() if isinstance(body, str) else body,
        parts.query,
        **{"host": parts.netloc, **headers},
    )
    return AWSResponse(request.url, answered.status, dict(answered.headers), Stream(answered.body))


# An access key, its secret, and the token of a session.
Keys = tuple[str, ...]
ADMINISTRATOR: Keys = (
    settings.ADMINISTRATOR["AWS_ACCESS_KEY_ID"],
    settings.ADMINISTRATOR["AWS_SECRET_ACCESS_KEY"],
)
SESSION = botocore.session.get_session()


@functools.cache
def client(service: str, keys: Keys = ADMINISTRATOR) -> Any:
    """Return botocore's client of a service, which signs with these keys."""
    found = SESSION.create_client(
        service,
        region_name="us-east-1",
        endpoint_url="http://localhost:4566",
        aws_access_key_id=keys[0],
        aws_secret_access_key=keys[1],
        aws_session_token=keys[2] if keys[2:] else None,
    )
    found.meta.events.register("before-send", through_the_door)
    return found


def user_with(policy: str, name: str = "deploy") -> Keys:
    """Make a user with a managed policy; return its keys."""
    administrator = client("iam")
    administrator.create_user(UserName=name)
    administrator.attach_user_policy(UserName=name, PolicyArn=policy)
    made = administrator.create_access_key(UserName=name)["AccessKey"]
    return made["AccessKeyId"], made["SecretAccessKey"]
