"""The stand-ins: each action in a workflow has one, with the inputs and outputs that it uses."""

import base64
import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTIONS = ROOT / "rehearsal" / "actions"
USES = re.compile(r"uses: ([\w-]+/[\w-]+)@\w{40} # (v\d+)")


def uses() -> set[tuple[str, str]]:
    """Return the actions that the workflows use, with the first number of their versions."""
    return {use for path in WORKFLOWS for use in USES.findall(path.read_text())}


def stand_in(action: str) -> dict[str, Any]:
    path = ACTIONS / action.replace("/", "__") / "action.yml"
    return dict(yaml.safe_load(path.read_text()))


def steps(path: Path) -> Iterator[tuple[list[dict[str, Any]], dict[str, Any], str]]:
    """Yield each step that uses an action, with its job's steps and the action's name."""
    for job in yaml.safe_load(path.read_text())["jobs"].values():
        for step in job.get("steps", []):
            if "uses" in step:
                yield job["steps"], step, step["uses"].split("@")[0]


@pytest.mark.parametrize("action,version", sorted(uses()))
def test_a_stand_in_names_its_action(action: str, version: str) -> None:
    script = stand_in(action)["runs"]["steps"][0]["run"]
    assert f'echo "OFFLINE stand-in for {action}@{version}: it ' in script


def test_each_stand_in_is_used_by_a_workflow() -> None:
    assert {path.name for path in ACTIONS.iterdir()} == {
        action.replace("/", "__") for action, _ in uses()
    }


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: str(path.stem))
def test_a_stand_in_has_the_inputs_that_workflows_set(path: Path) -> None:
    for _, step, action in steps(path):
        inputs = stand_in(action).get("inputs", {})
        assert set(step.get("with", {})) <= set(inputs), action
        needed = {name for name, about in inputs.items() if about.get("required")}
        assert needed <= set(step.get("with", {})), action


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: str(path.stem))
def test_a_stand_in_has_the_outputs_that_workflows_read(path: Path) -> None:
    for job_steps, step, action in steps(path):
        if "id" in step:
            read = set(re.findall(rf"steps\.{step['id']}\.outputs\.([\w-]+)", str(job_steps)))
            assert read <= set(stand_in(action).get("outputs", {})), action


@pytest.mark.parametrize("path", sorted(ACTIONS.glob("*/action.yml")), ids=lambda p: p.parent.name)
def test_an_input_reaches_the_shell_as_a_variable(path: Path) -> None:
    action = yaml.safe_load(path.read_text())
    (step,) = action["runs"]["steps"]
    assert "${{" not in step["run"]
    used = set(re.findall(r"inputs\.([\w-]+)", str(step)))
    for name, about in action.get("inputs", {}).items():
        assert name in used or "Ignored" in about["description"]


# The scripts, run like a runner does


class Job:
    """A folder in which an action's script runs, and the files that it leaves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir()

    def program(self, name: str, script: str) -> None:
        (self.bin / name).write_text(f"#!/bin/bash\n{script}\n")
        (self.bin / name).chmod(0o755)

    def run(self, action: str, variables: dict[str, str] | None = None, /, **given: str) -> str:
        (step,) = stand_in(action)["runs"]["steps"]
        inputs = stand_in(action).get("inputs", {})
        values = {name: about.get("default", "") for name, about in inputs.items()} | {
            name.replace("_", "-") if name not in inputs else name: value
            for name, value in given.items()
        }
        assert set(values) == set(inputs)

        def fill(text: str) -> str:
            return re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda name: values[name[1]], text)

        files = ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH")
        environment = {"PATH": f"{self.bin}:{os.environ['PATH']}", "HOME": str(self.folder)}
        environment |= dict.fromkeys(("RUNNER_TEMP", "TMPDIR"), str(self.folder))
        environment |= {name: str(self.folder / name) for name in files}
        environment |= {name: fill(text) for name, text in step.get("env", {}).items()}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.folder,
            env=environment | (variables or {}),
            capture_output=True,
            text=True,
        )
        self.code, self.errors = done.returncode, done.stderr
        return done.stdout

    def left(self, name: str) -> dict[str, str]:
        lines = (self.folder / name).read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


RENDER = "aws-actions/amazon-ecs-render-task-definition"
DEFINITION = {
    "family": "myapp",
    "cpu": "256",
    "containerDefinitions": [
        {
            "name": "myapp",
            "image": "old",
            "essential": True,
            "environment": [{"name": "A", "value": "1"}, {"name": "APP_VERSION", "value": "old"}],
        },
        {"name": "other", "image": "other"},
    ],
}


def render(job: Job, **given: str) -> Any:
    (job.folder / "definition.json").write_text(json.dumps(DEFINITION))
    job.run(RENDER, task_definition="definition.json", **given)
    return json.loads(Path(job.left("GITHUB_OUTPUT")["task-definition"]).read_text())


def test_rendering_changes_only_the_image(job: Job) -> None:
    rendered = render(job, container_name="myapp", image="registry/new:1")
    assert rendered["containerDefinitions"][0].pop("image") == "registry/new:1"
    expected = json.loads(json.dumps(DEFINITION))
    del expected["containerDefinitions"][0]["image"]
    assert rendered == expected


def test_rendering_replaces_a_variable_and_adds_another(job: Job) -> None:
    variables = "APP_VERSION=v1=2\n\n  NEW=a b \n"
    rendered = render(job, container_name="myapp", image="new", environment_variables=variables)
    assert rendered["containerDefinitions"][0]["environment"] == [
        {"name": "A", "value": "1"},
        {"name": "APP_VERSION", "value": "v1=2"},
        {"name": "NEW", "value": "a b"},
    ]
    assert rendered["containerDefinitions"][1] == DEFINITION["containerDefinitions"][1]


@pytest.mark.parametrize(
    "given,message",
    [
        ({"container_name": "none"}, "no container is named none"),
        ({"container_name": "myapp", "environment_variables": "A"}, "not NAME=value: A"),
    ],
)
def test_rendering_refuses_invalid_inputs(job: Job, given: dict[str, str], message: str) -> None:
    (job.folder / "definition.json").write_text(json.dumps(DEFINITION))
    job.run(RENDER, task_definition="definition.json", image="new", **given)
    assert job.code != 0
    assert message in job.errors


def test_logging_in_keeps_the_password_off_the_command_line(job: Job) -> None:
    token = base64.b64encode(b"AWS:pass:word").decode()
    answer = {"proxyEndpoint": "http://localhost:4566", "authorizationToken": token}
    job.program("aws", f"echo '{json.dumps(answer)}'")
    job.program("docker", 'echo "$@" > words; cat > input')
    said = job.run("aws-actions/amazon-ecr-login")
    assert "::add-mask::pass:word" in said
    assert (job.folder / "words").read_text() == (
        "login --username AWS --password-stdin localhost:4566\n"
    )
    assert (job.folder / "input").read_text() == "pass:word\n"
    assert job.left("GITHUB_OUTPUT") == {"registry": "localhost:4566"}


CONFIGURE = "aws-actions/configure-aws-credentials"
KEYS = {"aws_access_key_id": "AKIA", "aws_secret_access_key": "hidden", "aws_region": "eu-west-1"}


def test_valid_keys_are_passed_to_the_next_steps(job: Job) -> None:
    job.program("aws", '[[ $AWS_SECRET_ACCESS_KEY == hidden ]] && echo "123456789012"')
    said = job.run(CONFIGURE, **KEYS)
    assert said.count("hidden") == said.count("::add-mask::hidden") == 1
    assert job.left("GITHUB_OUTPUT") == {"aws-account-id": "123456789012"}
    assert job.left("GITHUB_ENV") == {
        "AWS_ACCESS_KEY_ID": "AKIA",
        "AWS_SECRET_ACCESS_KEY": "hidden",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }


@pytest.mark.parametrize(
    "aws,change",
    [
        ("exit 254", {}),
        ("echo 123456789012", {"aws_secret_access_key": ""}),
        ("echo 123456789012", {"role_to_assume": "arn:aws:iam::123456789012:role/deploy"}),
    ],
    ids=["refused by AWS", "empty", "role"],
)
def test_invalid_credentials_stop_the_job(job: Job, aws: str, change: dict[str, str]) -> None:
    job.program("aws", aws)
    job.run(CONFIGURE, **KEYS | change)
    assert job.code != 0
    assert not (job.folder / "GITHUB_ENV").exists()


@pytest.mark.parametrize("architecture", ["x64", "arm64"])
def test_a_python_comes_from_the_tool_cache(job: Job, architecture: str) -> None:
    place = job.folder / "cache" / "Python" / "3.11.2"
    (place / architecture / "bin").mkdir(parents=True)
    (place / f"{architecture}.complete").touch()
    cache = {"AGENT_TOOLSDIRECTORY": str(job.folder / "cache")}
    job.run("actions/setup-python", cache, python_version="3.11")
    assert job.left("GITHUB_OUTPUT")["python-version"] == "3.11.2"
    assert (job.folder / "GITHUB_PATH").read_text() == f"{place}/{architecture}/bin\n"
    job.run("actions/setup-python", cache, python_version="3.1")
    assert job.code == 1


def test_a_wrong_commit_in_the_working_copy_is_an_error(job: Job) -> None:
    job.program("git", 'case $1 in rev-parse) echo "abc" ;; esac')
    variables = {"GITHUB_WORKSPACE": ".", "GITHUB_REF": "refs/heads/main", "GITHUB_SHA": "abc"}
    job.run("actions/checkout", variables)
    assert job.left("GITHUB_OUTPUT") == {"ref": "refs/heads/main", "commit": "abc"}
    said = job.run("actions/checkout", variables | {"GITHUB_SHA": "def"})
    assert job.code == 1
    assert "::error::The working copy has commit abc, but the run is for def." in said


def test_the_scan_covers_the_history_of_a_commit(job: Job) -> None:
    job.program("docker", 'echo "$@" > words; exit 183')
    given = {"head": "HEAD", "version": "3.97.0", "extra_args": "--a --b"}
    job.run("trufflesecurity/trufflehog", **given)
    assert job.code == 183
    words = (job.folder / "words").read_text()
    assert "--branch HEAD --fail --no-update --github-actions --a --b\n" in words
    assert " ghcr.io/trufflesecurity/trufflehog:3.97.0 git file:///tmp/ " in words


def test_an_image_is_built_with_every_argument(job: Job) -> None:
    job.program(
        "docker",
        r"""printf "%s\n" "$@" > words
for word; do
    case $word in
        --iidfile=*) echo sha256:i > "${word#*=}" ;;
        --metadata-file=*) echo '{"containerimage.digest": "sha256:d"}' > "${word#*=}" ;;
    esac
done""",
    )
    job.run(
        "docker/build-push-action",
        context=".",
        push="true",
        tags="registry/a:1\nregistry/a:2",
        build_args="A=1\nB=two words\n",
    )
    words = (job.folder / "words").read_text().splitlines()
    assert words[:2] == ["buildx", "build"]
    assert {"--tag=registry/a:1", "--tag=registry/a:2", "--build-arg=B=two words"} < set(words)
    assert words[-2:] == ["--push", "."]
    left = job.left("GITHUB_OUTPUT")
    assert (left["imageid"], left["digest"]) == ("sha256:i", "sha256:d")


def test_a_driver_that_needs_an_image_is_refused(job: Job) -> None:
    job.program("docker", "exit 0")
    said = job.run("docker/setup-buildx-action")
    assert job.code == 1
    assert "set the variable BUILDX_DRIVER to docker" in said
    job.run("docker/setup-buildx-action", driver="docker")
    assert job.code == 0


def test_a_missing_report_is_a_warning_or_an_error(job: Job) -> None:
    assert "::warning::none.xml" in job.run("codecov/codecov-action", files="none.xml")
    assert job.code == 0
    job.run("codecov/codecov-action", files="none.xml", fail_ci_if_error="true")
    assert job.code == 1


# Messages to Slack and GitHub


class Sink(BaseHTTPRequestHandler):
    """A stand-in for a webhook and GitHub's releases, which records its requests."""

    seen: list[tuple[str, str, Any]]
    released: bool

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.seen.append((self.command, self.path, json.loads(body or "null")))
        missing = self.command == "GET" and not self.released
        bad = "/repos" in self.path and self.headers["Authorization"] != "Bearer hidden"
        self.send_response(401 if bad else 404 if missing or self.path == "/gone" else 200)
        self.end_headers()
        self.wfile.write(b'{"id": 7, "html_url": "http://releases/7"}')

    do_GET = do_POST = do_PATCH = answer

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@contextmanager
def sink(released: bool = False) -> Iterator[tuple[str, list[tuple[str, str, Any]]]]:
    handler = type("Handler", (Sink,), {"seen": [], "released": released})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", handler.seen  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()


SLACK = {"webhook_type": "incoming-webhook", "payload": '{"text": "it\'s $HOME"}'}


def test_slack_gets_the_payload_unchanged(job: Job) -> None:
    with sink() as (address, seen):
        said = job.run("slackapi/slack-github-action", webhook=f"{address}/hook", **SLACK)
    assert seen == [("POST", "/hook", {"text": "it's $HOME"})]
    assert job.left("GITHUB_OUTPUT") == {"ok": "true"}
    assert f"::add-mask::{address}/hook" in said


def test_a_refused_message_is_retried_for_five_minutes(job: Job) -> None:
    job.program("sleep", f'echo "$1" >> {job.folder}/pauses')
    with sink() as (address, _):
        said = job.run("slackapi/slack-github-action", webhook=f"{address}/gone", **SLACK)
    assert (job.code, job.left("GITHUB_OUTPUT")) == (0, {"ok": "false"})
    assert "::warning::The webhook did not accept the message." in said
    assert sum(map(int, (job.folder / "pauses").read_text().split())) == 300


@pytest.mark.parametrize(
    "released,request_line",
    [(False, ("POST", "/repos/o/r/releases")), (True, ("PATCH", "/repos/o/r/releases/7"))],
    ids=["first", "second"],
)
def test_a_second_run_updates_the_release(
    job: Job, released: bool, request_line: tuple[str, str]
) -> None:
    (job.folder / "text.md").write_text('- A "change"\n')
    with sink(released) as (address, seen):
        variables = {"GITHUB_API_URL": address, "GITHUB_REPOSITORY": "o/r"}
        given = {"tag_name": "v1.2.3", "body_path": "text.md", "token": "hidden"}
        job.run("softprops/action-gh-release", variables, name="Release v1.2.3", **given)
    assert seen[0][:2] == ("GET", "/repos/o/r/releases/tags/v1.2.3")
    content = {"tag_name": "v1.2.3", "name": "Release v1.2.3", "body": '- A "change"\n'}
    assert seen[1:] == [(*request_line, content)]
    assert job.left("GITHUB_OUTPUT") == {"url": "http://releases/7", "id": "7"}
