"""The local AWS: ministack with rehearsal/aws in a container. Start, use, read and remove it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rehearsal import docker, ports
from rehearsal.aws.settings import ADMINISTRATOR
from rehearsal.errors import Failure
from rehearsal.files import replace_text
from rehearsal.paths import (
    ACCOUNT,
    API_PORT,
    AWS,
    AWS_IMAGE,
    CURL_CONFIG,
    ENVIRONMENTS,
    LABEL,
    NETWORK,
    OUT,
    REGION,
    REPOSITORY,
    ROOT,
    RUNNER_IMAGE,
    SHELL,
    host,
)
from rehearsal.timeline import Image, Release, Tasks

# The local AWS has no TLS between tasks and Redis.
OVERRIDES = {"CacheTls": "false"}
ROTATION = "DatabasePasswordNumber"  # the parameter of infra/ that a rotation increments
SOCKET = "/var/run/docker.sock"
START_SECONDS = 600  # a start that takes longer is stuck
# One minute of CloudWatch takes two seconds, so that watching a deployment takes seconds.
CLOCK = 30

Say = Callable[[str], None]


def start(say: Say) -> None:
    """Start the local AWS and its shell, unless they run the newest images."""
    if not runs_image(AWS, AWS_IMAGE):
        say("start the local AWS")
        start_aws()
    if not runs_image(SHELL, RUNNER_IMAGE):
        start_shell()
    CURL_CONFIG.write_text(ports.curl_config())
    wait()


def start_aws() -> None:
    """Start an empty local AWS: it keeps its state in memory."""
    found = ports.current()  # read before the running one is removed
    remove_containers()
    if not docker.docker("network", "ls", "--quiet", f"--filter=name=^{NETWORK}$"):
        # Published ports are for this machine alone.
        loopback = "com.docker.network.bridge.host_binding_ipv4=127.0.0.1"
        docker.docker("network", "create", "--label", LABEL, "--opt", loopback, NETWORK)
    docker.docker(
        *("run", "--detach", "--name", AWS, "--hostname", AWS, "--network", NETWORK),
        *("--label", LABEL, "--label", f"rehearsal.root={ROOT}"),
        *(f"--publish=127.0.0.1:{port}:{API_PORT}" for port in (found.api, found.web)),
        *(f"--env=REHEARSAL_REGISTRY={ports.registry()}", f"--env=REHEARSAL_WEB_PORT={found.web}"),
        *(f"--volume={SOCKET}:{SOCKET}", f"--env=REHEARSAL_CLOCK={CLOCK}", AWS_IMAGE),
    )


def start_shell() -> None:
    """Start a permanent runner for commands outside of workflows."""
    docker.remove([SHELL])
    environment = {**ADMINISTRATOR, "AWS_ENDPOINT_URL": ports.api_url()}
    # AWS_REGION is for the SDKs, AWS_DEFAULT_REGION for version 1 of the AWS CLI.
    environment |= {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    docker.docker(
        *("run", "--detach", "--name", SHELL, "--network", "host", "--label", LABEL),
        *(f"--volume={folder}:{folder}" for folder in (ROOT, SOCKET)),
        *(f"--add-host={host(name)}:127.0.0.1" for name in ENVIRONMENTS),
        *(f"--env={name}={value}" for name, value in environment.items()),
        f"--workdir={REPOSITORY}",
        *(RUNNER_IMAGE, "sleep", "infinity"),
    )


def runs_image(container: str, image: str) -> bool:
    """Return whether a container runs, on the present version of its image."""
    if not docker.is_running(container):
        return False
    on = docker.docker("inspect", "--format={{.Image}}", container)
    return on == docker.docker("image", "inspect", "--format={{.Id}}", image)


def wait() -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            get("/_rehearsal/state")
            return
        except Failure as failure:
            if time.monotonic() > deadline or not docker.is_running(AWS):
                said = docker.docker("logs", "--tail=5", AWS)
                raise Failure(f"the local AWS did not start: {said or failure}") from None
        time.sleep(0.3)


def shell(*words: str, **variables: str) -> str:
    """Return the output of a command in the runner's image, with an administrator's keys."""
    environment = [f"--env={name}={value}" for name, value in variables.items()]
    return docker.docker("exec", *environment, SHELL, *words)


def aws(*words: str) -> dict[str, Any]:
    """Run the AWS CLI as administrator, and return its answer."""
    found: dict[str, Any] = json.loads(shell("aws", *words, "--output=json") or "{}")
    return found


def parameters(environment: str) -> Path:
    """Return the parameter file of an environment of the local AWS."""
    return OUT / f"{environment}.json"


def run(words: Sequence[str]) -> int:
    """Run a command in the runner's image interactively; return its exit code."""
    if not docker.is_running(SHELL):
        raise Failure("no rehearsal is running: start one with .venv/bin/python -m rehearsal up")
    terminal = ["--tty"] if sys.stdin.isatty() else []
    command = ["docker", "exec", "--interactive", *terminal, SHELL, *words]
    return subprocess.run(command).returncode


def make(environment: str) -> dict[str, str]:
    """Create or update an environment from infra/; return the variables that GitHub needs."""
    given = json.loads((REPOSITORY / "infra" / "parameters" / f"{environment}.json").read_text())
    path = parameters(environment)
    if path.exists():  # a password that was rotated stays
        before = json.loads(path.read_text())["parameters"]
        given["parameters"] |= {name: before[name] for name in before if name == ROTATION}
    # The local RDS has its own certificate authority.
    authority = get("/_rehearsal/database-ca")["certificates"]
    given["parameters"] |= OVERRIDES | {"DatabaseCa": authority}
    replace_text(path, json.dumps({**given, "account": ACCOUNT, "region": REGION}))
    printed = shell("scripts/deploy-infra", environment, "--yes", "--parameters", str(path))
    return dict(re.findall(r"variable ([A-Z_]+) +(\S+)", printed))


def deploy_keys(environment: str) -> dict[str, str]:
    """Return new keys of a user that has the policy of an environment's deploys in infra/.

    act has no OIDC token for the role, so deploys use keys, as in a repository without the role.
    """
    user = f"myapp-{environment}-deploy"
    named = ("--user-name", user)
    if user not in [one["UserName"] for one in aws("iam", "list-users")["Users"]]:
        aws("iam", "create-user", *named)
        policy = f"arn:aws:iam::{ACCOUNT}:policy/{user}"
        aws("iam", "attach-user-policy", *named, "--policy-arn", policy)
    for key in aws("iam", "list-access-keys", *named)["AccessKeyMetadata"]:
        aws("iam", "delete-access-key", *named, "--access-key-id", key["AccessKeyId"])
    made = aws("iam", "create-access-key", *named)["AccessKey"]
    return {
        "AWS_ACCESS_KEY_ID": made["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"],
    }


def build_image(version: str, commit: str) -> None:
    """Build the image of the first deploys; this does not need AWS."""
    shell("bash", str(ROOT / "rehearsal" / "seed-image"), "build", version, commit)


def push_image(version: str, commit: str) -> None:
    """Push the image of the first deploys to staging's repository, unless it is there."""
    command = ("bash", str(ROOT / "rehearsal" / "seed-image"), "push", version, commit)
    shell(*command, ECR_REPOSITORY="myapp-staging")


def seed(environment: str, version: str, commit: str) -> None:
    """Deploy the version before the change to a new environment."""
    shell(
        *("bash", str(ROOT / "rehearsal" / "seed"), environment, version, commit),
        ECR_REPOSITORY=f"myapp-{environment}",
        ECS_CLUSTER=f"myapp-{environment}-cluster",
        ECS_SERVICE=f"myapp-{environment}-service",
        ECS_TASK_DEFINITION=f"myapp-{environment}-task",
        APP_URL=ports.url(environment),
    )


def get(path: str, name: str = "") -> Any:
    """Return a JSON answer of the local AWS or of an environment."""
    return send("GET", path, name=name)


def send(method: str, path: str, content: object = None, name: str = "") -> Any:
    """Send JSON, if any, to the local AWS or to an environment, and return the JSON answer."""
    body = None if content is None else json.dumps(content).encode()
    headers = {"Host": name} if name else {}
    request = urllib.request.Request(f"{ports.api_url()}{path}", body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.loads(answer.read())
    except (OSError, ValueError) as error:
        raise Failure(f"{name or ports.api_url()}{path}: {error}") from None


def service(environment: str) -> Mapping[str, Any]:
    """Return an environment's deployments and tasks; empty if there is none."""
    name = f"myapp-{environment}-service"
    found = [one for one in get("/_rehearsal/state")["services"] if one["name"] == name]
    return found[0] if found else {}


def is_serving(environment: str) -> bool:
    try:
        return bool(get("/health/", host(environment)).get("status") == "ok")
    except Failure:
        return False


def tasks(environment: str, at: float) -> Tasks:
    """Return the number of running tasks of each revision, and of those that get requests."""
    counted = Tasks(at)
    for task in service(environment).get("tasks", []):
        if task["lastStatus"] == "RUNNING":
            name = str(task["revision"])
            counted.running[name] = counted.running.get(name, 0) + 1
            healthy = "healthy" in task.get("targets", [])
            counted.healthy[name] = counted.healthy.get(name, 0) + healthy
    return counted


def images(environment: str) -> list[Image]:
    repository = f"myapp-{environment}"
    answer = aws("ecr", "describe-images", "--repository-name", repository)
    return [
        Image(environment, tag, detail["imageDigest"])
        for detail in answer["imageDetails"]
        for tag in detail.get("imageTags", [])
    ]


def releases(environment: str) -> list[Release]:
    return [
        Release(environment, one["version"], one["commit"], one["started"], one["outcome"])
        for one in get("/releases.json", host(environment))["releases"]
    ]


def remove_containers() -> None:
    """Remove the rehearsal's containers: first the local AWS, which would replace its tasks."""
    docker.remove([AWS])
    docker.remove(docker.ours())


def remove() -> None:
    """Remove the rehearsal's containers, volumes, networks and images."""
    remove_containers()
    for network in docker.docker("network", "ls", "--quiet", f"--filter=label={LABEL}").split():
        docker.docker("network", "rm", network)
    pushed = [one for port in ports.API for one in docker.images(f"localhost:{port}/myapp-*")]
    if pushed:
        docker.docker("image", "rm", "--force", *pushed)
