"""A fake GitHub with one repository, for Python and, over a socket, for the real `gh`."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from delivery.github.client import Gh, Refused
from tests.delivery.github_api import Api

UPGRADE = "Upgrade to GitHub Pro or make this repository public to enable this feature."
BILLING = (
    "Failed to create the environment protection rule. Please ensure the billing plan supports the"
    " required reviewers protection rule."
)
WHEN = "2026-11-01T12:00:00Z"
PEOPLE = {"alice": 11, "bob": 12}
Answer = tuple[int, Any]
SECRET = "hush-hush"
VALUES = f"""\
[repository]
SLACK_WEBHOOK_URL = https://hooks.example.com/{SECRET}
[staging]
APP_URL = https://staging.example.com
AWS_ROLE_ARN = arn:aws:iam::123456789012:role/myapp-staging-deploy
[production]
APP_URL = https://example.com
AWS_ROLE_ARN = arn:aws:iam::123456789012:role/myapp-production-deploy
"""


class FakeGitHub(Gh):
    """`calls` has the changes. A call that GitHub does not document fails."""

    def __init__(self, api: Api | None, plan: str = "", admin: bool = True) -> None:
        super().__init__("acme/shop")
        self.api = api
        self.plan = plan  # of a private repository
        self.admin = admin
        self.calls: list[tuple[str, str, Any]] = []
        self.environments: dict[str, dict[str, Any]] = {}
        self.policies: dict[str, dict[int, dict[str, Any]]] = {}
        self.rulesets: dict[int, dict[str, Any]] = {}
        self.variables: dict[str, dict[str, str]] = {"actions": {}}
        self.secrets: dict[str, dict[str, str]] = {"actions": {}}
        self.plain: dict[tuple[str, str], str] = {}
        self.features: set[str] = set()
        self.unavailable: set[str] = set()
        self.bypass = False
        self.policy: dict[str, Any] = {"enabled": True, "allowed_actions": "all"}
        self.selected: dict[str, Any] = {}
        self.runs: list[dict[str, Any]] = []
        self.prefix = "repo:acme/shop"

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        url = f"/{self.where(path)}"
        status, answer = self.answer(method, url, body)
        if status >= 400:
            raise Refused(status, f"gh api {url}", f"gh: {answer['message']} (HTTP {status})")
        return {} if answer is None else answer  # as `gh`, whose answer is empty then

    def set_secret(self, name: str, environment: str, value: str) -> None:
        self.plain[environment, name] = value
        place = f"environments/{environment}" if environment else "actions"
        body = {"encrypted_value": "c2VjcmV0", "key_id": "1"}
        self("PUT", f"{place}/secrets/{name}", body)

    def answer(self, method: str, url: str, body: Any) -> Answer:
        wrong = self.api.request(method, url, body) if self.api else []
        if method != "GET":
            self.calls.append((method, url, body))
        status, answer = self.respond(method, urlsplit(url).path, body)
        wrong += self.api.answer(method, url, status, answer) if self.api else []
        assert not wrong, f"{method} {url}: {wrong}"
        return status, answer

    def respond(self, method: str, path: str, body: Any) -> Answer:
        match [method, *path.removeprefix("/repos/acme/shop").split("/")[1:]]:
            case ["GET"]:
                owner = {"login": "acme", "type": "Organization"}
                permissions = {"admin": self.admin, "pull": True, "push": True}
                known = {"full_name": "acme/shop", "private": bool(self.plan), "owner": owner}
                on = "enabled" if "secret_scanning" in self.features else "disabled"
                names = ("secret_scanning", "secret_scanning_push_protection")
                analysis = {"security_and_analysis": {name: {"status": on} for name in names}}
                return 200, known | {"permissions": permissions} | analysis
            case ["PATCH"]:
                return self.turn_on("secret_scanning", 200)
            case ["GET", "private-vulnerability-reporting"]:
                return 200, {"enabled": "private-vulnerability-reporting" in self.features}
            case ["GET", "immutable-releases" as name] if name in self.features:
                return 200, {"enabled": True, "enforced_by_owner": False}
            case ["GET", "vulnerability-alerts" as name] if name in self.features:
                return 204, None
            case ["PUT", name]:
                return self.turn_on(name, 204)
            case ["GET", "actions", "permissions"]:
                return 200, self.policy
            case ["GET", "actions", "permissions", "selected-actions"]:
                return 200, self.selected
            case ["GET", "orgs", "acme"]:
                plan = {"name": self.plan, "space": 0, "private_repos": 0}
                return 200, {"login": "acme", "plan": plan}
            case ["GET", "users", name] if name in PEOPLE:
                return 200, {"login": name, "id": PEOPLE[name]}
            case ["GET", "orgs", "acme", "teams", "ops"]:
                return 200, {"slug": "ops", "id": 21}
            case ["GET", "actions", "oidc", "customization", "sub"]:
                return 200, {"use_default": True, "sub_claim_prefix": self.prefix}
            case ["GET", "actions", "workflows", _, "runs"]:
                return 200, {"total_count": len(self.runs), "workflow_runs": self.runs}
            case [_, "environments", name, *rest]:
                return self.environment(method, name, rest, body)
            case [_, "rulesets", *rest]:
                return self.ruleset(method, int(rest[0]) if rest else 0, body)
            case [_, "actions", *rest]:
                return self.values(method, "actions", rest, body)
        return 404, {"message": "Not Found"}

    def turn_on(self, feature: str, status: int) -> Answer:
        if feature in self.unavailable:
            return 422, {"message": f"{feature} is not available for this repository."}
        self.features.add(feature)
        return status, None if status == 204 else {"full_name": "acme/shop"}

    def environment(self, method: str, name: str, rest: list[str], body: Any) -> Answer:
        if not rest and method == "PUT":
            if self.plan in ("free", "pro", "team") and "wait_timer" in body:
                return 422, {"message": BILLING}
            self.environments[name] = body
            self.policies.setdefault(name, {})
            self.secrets.setdefault(f"environments/{name}", {})
            self.variables.setdefault(f"environments/{name}", {})
            return 200, {"name": name}
        if name not in self.environments:
            return 404, {"message": "Not Found"}
        if not rest:
            return 200, self.described(name)
        if rest[0] != "deployment-branch-policies":
            return self.values(method, f"environments/{name}", rest, body)
        mine = self.policies[name]
        if method == "POST":
            number = len(mine) + 100
            mine[number] = {"id": number, "type": "branch", **body}
            return 200, mine[number]
        if method == "DELETE":
            mine.pop(int(rest[1]))
            return 204, None
        return 200, {"total_count": len(mine), "branch_policies": list(mine.values())}

    def described(self, name: str) -> dict[str, Any]:
        """Return an environment in the form of GitHub's answer, which differs from its input."""
        body = self.environments[name]
        rules: list[dict[str, Any]] = [{"id": 1, "node_id": "x", "type": "branch_policy"}]
        if body.get("wait_timer"):
            rules.append({"id": 2, "type": "wait_timer", "wait_timer": body["wait_timer"]})
        if body.get("reviewers"):
            people = [
                {"type": one["type"], "reviewer": {"id": one["id"]}} for one in body["reviewers"]
            ]
            own = body.get("prevent_self_review", False)
            rules.append({"id": 3, "type": "required_reviewers", "prevent_self_review": own})
            rules[-1]["reviewers"] = people
        policy = body.get("deployment_branch_policy")
        found = {"name": name, "protection_rules": rules, "deployment_branch_policy": policy}
        return found | ({"can_admins_bypass": True} if self.bypass else {})

    def ruleset(self, method: str, number: int, body: Any) -> Answer:
        if self.plan == "free":
            return 403, {"message": UPGRADE}
        if method == "GET" and not number:
            short = ("id", "name", "target", "enforcement")
            return 200, [{name: r[name] for name in short} for r in self.rulesets.values()]
        if method == "GET":
            return 200, self.rulesets[number]
        number = number or len(self.rulesets) + 1
        self.rulesets[number] = {"id": number, "source": "acme/shop", "bypass_actors": [], **body}
        return (201 if method == "POST" else 200), self.rulesets[number]

    def values(self, method: str, place: str, rest: list[str], body: Any) -> Answer:
        match [method, *rest]:
            case ["GET", "secrets", "public-key"]:
                return 200, {"key_id": "1", "key": "hBT5WZEj8ZoOv6TYJsfWq7MxTEQopZO5/IT3ZCVQPzs="}
            case ["GET", "secrets"]:
                listed = [
                    {"name": name, "created_at": when, "updated_at": when}
                    for name, when in self.secrets.get(place, {}).items()
                ]
                return 200, {"total_count": len(listed), "secrets": listed}
            case ["PUT", "secrets", name]:
                status = 204 if name in self.secrets[place] else 201
                self.secrets[place][name] = WHEN
                return status, None if status == 204 else {}
            case ["GET", "variables"]:
                listed = [
                    {"name": name, "value": value, "created_at": WHEN, "updated_at": WHEN}
                    for name, value in self.variables.get(place, {}).items()
                ]
                return 200, {"total_count": len(listed), "variables": listed}
            case ["POST", "variables"] if body["name"] not in self.variables[place]:
                self.variables[place][body["name"]] = body["value"]
                return 201, {}
            case ["PATCH", "variables", name] if name in self.variables[place]:
                self.variables[place][name] = body["value"]
                return 204, None
        return 404, {"message": "Not Found"}


@contextmanager
def served(github: FakeGitHub, folder: Path) -> Iterator[dict[str, str]]:
    """Serve the fake where `gh` connects to; yield the variables for that."""

    class Handler(BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            body = self.body()
            try:
                status, answer = github.answer(self.command, self.path, body)
            except AssertionError as wrong:
                status, answer = 400, {"message": str(wrong)}
            text = b"" if status == 204 else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            # Whoever needs no more than the status hangs up.
            with suppress(BrokenPipeError):
                self.end_headers()
                self.wfile.write(text)

        do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = handle_one

        def body(self) -> Any:
            text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers.get("Transfer-Encoding") == "chunked":
                while size := int(self.rfile.readline(), 16):
                    text += self.rfile.read(size)
                    self.rfile.readline()
            return json.loads(text) if text else None

        def address_string(self) -> str:
            return "gh"

        def log_message(self, *words: Any) -> None: ...

    socket = folder / "github.sock"
    configuration = folder / "gh"
    configuration.mkdir()
    (configuration / "config.yml").write_text(f"http_unix_socket: {socket}\n")
    with ThreadingUnixStreamServer(str(socket), Handler) as server:
        Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield {"GH_CONFIG_DIR": str(configuration), "GH_TOKEN": "x"}
        server.shutdown()


def changed(github: FakeGitHub) -> list[str]:
    """Return the changes since the last call, and forget them."""
    found = [f"{method} {re.sub('^/repos/acme/shop/', '', url)}" for method, url, _ in github.calls]
    github.calls.clear()
    return found


def value_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "values"
    file.write_text(text)
    file.chmod(mode)
    return file


def words(**given: Any) -> argparse.Namespace:
    usual = {
        "reviewer": ["alice"],
        "values": None,
        "approvals": None,
        "dry_run": False,
        "yes": True,
    }
    return argparse.Namespace(**(usual | given))
