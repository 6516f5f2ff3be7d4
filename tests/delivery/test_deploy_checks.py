"""What a deploy asks before and after it: is it configured, does it run, how did it end."""

import json
import re
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from delivery.checks.check_configuration import missing
from delivery.deploy.report_outcome import outcome
from delivery.deploy.verify_deployment import verify
from delivery.errors import Failure
from tests.delivery.in_process import run_here
from tests.delivery.raw_server import answering, http

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = ROOT / ".github" / "workflows"
URL = {"APP_URL": "https://staging.example.com"}
ROLE = {"AWS_ROLE_ARN": "arn:aws:iam::1:role/myapp-staging-deploy"}
KEYS = {"AWS_ACCESS_KEY_ID": "true", "AWS_SECRET_ACCESS_KEY": "true"}
PRODUCTION_KEYS = {f"{name}_PROD": value for name, value in KEYS.items()}


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*URL, *ROLE, *KEYS, *PRODUCTION_KEYS, "STAGING", "DEPLOY_REQUIRED"):
        monkeypatch.delenv(name, raising=False)


def lacks(environment: str, monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return "; ".join(missing(environment))


# --- configuration


@pytest.mark.parametrize("credentials", [ROLE, KEYS])
def test_a_role_or_keys_will_do(
    monkeypatch: pytest.MonkeyPatch, credentials: dict[str, str]
) -> None:
    assert lacks("staging", monkeypatch, **URL, **credentials) == ""


def test_half_a_pair_of_keys_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    half = KEYS | {"AWS_SECRET_ACCESS_KEY": "false"}
    assert lacks("staging", monkeypatch, **URL, **half) == "the secret AWS_SECRET_ACCESS_KEY"


def test_all_that_is_missing_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    text = lacks("production", monkeypatch)
    for name in ("AWS_ROLE_ARN", *PRODUCTION_KEYS, "APP_URL", "STAGING_URL"):
        assert name in text


def test_production_wants_keys_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "AWS_ACCESS_KEY_ID_PROD" in lacks("production", monkeypatch, **URL, **KEYS)


def test_an_address_without_a_scheme_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "begins with http" in lacks("staging", monkeypatch, **ROLE, APP_URL="example.com")


@pytest.mark.parametrize(("required", "code"), [("", 0), ("true", 1)])
def test_a_fork_is_skipped_and_the_canonical_repository_fails(
    tmp_path: Path, required: str, code: int
) -> None:
    files = {name: str(tmp_path / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    done = run_here("scripts/check-configuration", "staging", DEPLOY_REQUIRED=required, **files)
    assert done.returncode == code
    assert not (tmp_path / "GITHUB_OUTPUT").exists()
    page = (tmp_path / "GITHUB_STEP_SUMMARY").read_text()
    assert "variable APP_URL" in page
    assert all(f"scripts/{name}" in page for name in ("doctor", "configure-github"))


# --- verification


class Door(HTTPServer):
    answers: list[tuple[int, Any]]


class Handler(BaseHTTPRequestHandler):
    server: Door

    def do_GET(self) -> None:
        code, body = (
            self.server.answers.pop(0) if self.server.answers[1:] else self.server.answers[0]
        )
        self.send_response(code)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *words: Any) -> None: ...


@pytest.fixture
def door() -> Iterator[Door]:
    with Door(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield server
        server.shutdown()


def ask(door: Door, seconds: float = 60) -> None:
    verify(f"http://127.0.0.1:{door.server_port}", "new", seconds, pause=0)


READY = (200, {"status": "ok", "commit": "new"})
OLD = (200, {"status": "ok", "commit": "old"})
UNREADY = (503, {"status": "failed", "commit": "new", "checks": {"cache": "failed"}})


@pytest.mark.parametrize("before", [OLD, UNREADY, (502, "Bad Gateway")])
def test_an_answer_that_is_not_it_yet_is_waited_for(door: Door, before: tuple[int, Any]) -> None:
    door.answers = [before, READY]
    ask(door)


def test_old_and_new_in_turns_is_not_deployed_yet(
    door: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    door.answers = [READY, READY, OLD, READY, OLD, READY]
    ask(door)
    assert capsys.readouterr().out.count("runs old, not new") == 2


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (OLD, "runs old, not new"),
        (UNREADY, 'not ready: {"cache": "failed"}'),
        ((200, ["html"]), "no JSON object"),
        ((500, ""), "500"),
    ],
)
def test_what_never_comes_right_ends_with_the_last_problem(
    door: Door, answer: tuple[int, Any], problem: str
) -> None:
    door.answers = [answer]
    with pytest.raises(Failure) as failure:
        ask(door, seconds=0)
    assert problem in str(failure.value)


def test_another_version_of_the_same_commit_is_another(door: Door) -> None:
    named = [(200, {"status": "ok", "commit": "new", "version": name}) for name in ("new", "v1")]
    door.answers = named
    verify(f"http://127.0.0.1:{door.server_port}", "new", 60, pause=0, version="v1")
    with pytest.raises(Failure, match="is v1, not v2"):
        verify(f"http://127.0.0.1:{door.server_port}", "new", 0, pause=0, version="v2")


def test_another_environment_at_the_url_is_not_waited_for(door: Door) -> None:
    door.answers = [(200, {"status": "ok", "commit": "new", "environment": "production"})]
    url = f"http://127.0.0.1:{door.server_port}"
    elsewhere = (
        f"{url} leads to production, not to staging: it runs new. Correct APP_URL of staging"
    )
    with pytest.raises(Failure, match=f"^{elsewhere}$"):
        verify(url, "new", 600, environment="staging")


def test_what_anybody_answers_begins_no_line(
    door: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    door.answers = [(200, {"status": "ok", "commit": "\n::error::x\n" + "y" * 999}), READY]
    ask(door)
    lines = capsys.readouterr().out.splitlines()
    assert not any(line.startswith("::") or len(line) > 400 for line in lines)


def test_nobody_at_the_address_is_a_failure() -> None:
    with pytest.raises(Failure, match="refused"):
        verify("http://127.0.0.1:1", "new", 0, pause=0)


BODY = json.dumps(READY[1]).encode()
NO_ANSWERS = {
    "not HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "nothing": b"",
    "an endless status line": b"HTTP/1.1 200 " + b"x" * 70_000,
    "too many headers": http(BODY, *["X: y"] * 101),
    "half a body": http(BODY, f"Content-Length: {len(BODY) + 1}"),
    "half a chunk": http(b"ffff\r\n" + BODY, "Transfer-Encoding: chunked"),
    "a huge body": http(BODY + b" " * 2_000_000),
    "a page": http(b"<html>"),
    "no text": http(b"\xff\xfe"),
    "JSON without an end": http(b"[" * 100_000),
    "a redirect without an end": http(b"", "Location: /", status="302 Found"),
}


@pytest.mark.parametrize("answer", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_what_is_no_answer_is_a_failed_try(answer: bytes) -> None:
    with answering(answer) as url, pytest.raises(Failure, match=f"{url}/health/: "):
        verify(url, "new", 0, pause=0)


@pytest.mark.parametrize("answer", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_what_is_no_answer_is_asked_for_again(answer: bytes) -> None:
    # A redirect is followed some times before it is given up.
    with answering(*[answer] * 5, http(BODY)) as url:
        verify(url, "new", 60, pause=0)


# --- outcome


@pytest.mark.parametrize("workflow", ["deploy-staging.yml", "deploy-prod.yml"])
@pytest.mark.parametrize(("code", "red"), [(0, False), (3, False), (1, True), (2, True)])
def test_a_rollback_that_leaves_something_to_do_is_one(workflow: str, code: int, red: bool) -> None:
    steps = yaml.safe_load((WORKFLOWS / workflow).read_text())["jobs"]["deploy"]["steps"]
    (command,) = [str(step["run"]) for step in steps if step.get("name") == "Roll back"]
    script = re.sub("scripts/rollback [^|]*", f"(exit {code}) ", command)
    assert bool(subprocess.run(["bash", "-e", "-c", script]).returncode) == red


@pytest.mark.parametrize("workflow", ["deploy-staging.yml", "deploy-prod.yml"])
def test_a_rollback_gets_credentials_of_its_own(workflow: str) -> None:
    steps = yaml.safe_load((WORKFLOWS / workflow).read_text())["jobs"]["deploy"]["steps"]
    named = {step["name"]: step for step in steps if "name" in step}
    first, again = named["Configure AWS credentials"], named["Renew AWS credentials"]
    assert (again["uses"], again["with"]) == (first["uses"], first["with"])
    assert steps[steps.index(again) + 1] is named["Roll back"]
    assert again["if"] == named["Roll back"]["if"]
    assert again["continue-on-error"]


@pytest.mark.parametrize(
    ("status", "moved", "rolled_back", "said"),
    [
        ("success", True, "", "deployed"),
        ("failure", False, "", "FAILED before the service moved: what ran before still runs"),
        ("cancelled", False, "", "FAILED before the service moved: what ran before still runs"),
        ("failure", True, "verified", "FAILED and rolled back: what ran before runs again"),
        ("failure", True, "as ECS says, but x", "FAILED and rolled back, as ECS says, but x"),
        ("failure", True, "", "FAILED, AND SO DID THE ROLLBACK: see what runs"),
        ("cancelled", True, "", "FAILED, AND SO DID THE ROLLBACK: see what runs"),
    ],
)
def test_the_outcome_says_what_runs_now(
    status: str, moved: bool, rolled_back: str, said: str
) -> None:
    assert outcome(status, moved, rolled_back) == said
