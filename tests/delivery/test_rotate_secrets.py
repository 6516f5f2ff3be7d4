"""scripts/rotate-secrets: at no moment does anything that runs hold what is not taken any more."""

import itertools
import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from scripts.access_keys import KeyRotation
from scripts.aws import Aws, Failure
from scripts.database_password import PasswordRotation
from scripts.infra_parameters import INFRA, read_parameters
from tests.delivery.documented_aws import DocumentedAws, check_answer, check_request, grouped
from tests.delivery.fake_ecs import BASE, NEW, FakeEcs
from tests.delivery.fake_github import FakeGitHub
from tests.delivery.test_rollback import Site, site

__all__ = ["site"]


class Killed(Exception):
    """The power went out."""


class Clock:
    """Ends the world at one of its ticks."""

    def __init__(self) -> None:
        self.ticks = 0
        self.end = 0

    def tick(self) -> None:
        self.ticks += 1
        if self.ticks == self.end:
            raise Killed


def until_it_ends(clock: Clock, end: int, rotate: Callable[[], None]) -> bool:
    """Run it, killed at one moment, and then again to its end; whether it came to be killed."""
    clock.end = clock.ticks + end
    try:
        rotate()
    except Killed:
        rotate()
        return True
    return False


# --- the database


class FakeRds(FakeEcs):
    """MySQL with its two passwords, the secrets, and tasks that read theirs as they start."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(runs=NEW)
        self.clock = clock
        self.number = 1
        self.first, self.second = "password-1", ""
        self.url = "password-1"
        self.tasks = {"password-1"}
        self.status = "UPDATE_COMPLETE"
        self.secret_tags: dict[str, list[dict[str, str]]] = {}
        self.acts: list[str] = []

    def __call__(self, service: str, action: str, *words: str) -> Any:
        check_request(service, action, grouped(words))
        self.changed()
        answer = super().__call__(service, action, *words)
        if service == "secretsmanager":
            check_answer(service, action, answer)
        return answer

    def changed(self) -> None:
        """Whatever just happened, or is about to: each task can open a connection."""
        assert self.tasks <= {self.first, self.second}
        self.clock.tick()

    def run_task(self, options: dict[str, str]) -> Any:
        act = json.loads(options["--overrides"])["containerOverrides"][0]["command"][-1]
        self.acts.append(act)
        is_in = self.url in (self.first, self.second)
        self.task = {"lastStatus": "STOPPED", "containers": [self.container(0 if is_in else 1)]}
        if is_in and act == "keep":
            self.first = self.second = self.url
        if is_in and act == "discard":
            self.second = ""
        return super().run_task(options)

    def update_service(self, options: dict[str, str]) -> Any:
        assert "--force-new-deployment" in self.words
        self.tasks.add(self.url)
        self.changed()
        self.tasks = {self.url}
        return super().update_service(options)

    def describe_stacks(self, options: Mapping[str, str]) -> Any:
        number = {"ParameterKey": "DatabasePasswordNumber", "ParameterValue": str(self.number)}
        return {"Stacks": [{"StackStatus": self.status, "Parameters": [number]}]}

    def describe_secret(self, options: Mapping[str, str]) -> Any:
        return {"Tags": self.secret_tags.get(options["--secret-id"], [])}

    def tag_resource(self, options: Mapping[str, str]) -> Any:
        key, value = options["--tags"].removeprefix("Key=").split(",Value=")
        self.secret_tags[options["--secret-id"]] = [{"Key": key, "Value": value}]

    def cloudformation(self, number: int) -> None:
        """Change the password first, and then what leads to it."""
        if number == self.number:
            return
        self.first = f"password-{number}"
        self.changed()
        self.url = self.first
        self.number = number
        self.changed()


class Rotation(PasswordRotation):
    def deploy_infra(self) -> None:
        assert isinstance(self.aws, FakeRds)
        self.aws.cloudformation(int(read_parameters(self.path)[2]["DatabasePasswordNumber"]))


@pytest.fixture
def rds(site: Site) -> FakeRds:
    site.ecs = FakeRds(Clock())
    return site.ecs


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return Path(shutil.copy(INFRA / "parameters/staging.json", tmp_path))


def rotate_password(rds: FakeRds, path: Path) -> None:
    Rotation("staging", rds, path, yes=True, seconds=0).rotate()


def test_every_task_ends_with_the_new_password_and_nobody_has_the_old_one(
    rds: FakeRds, path: Path
) -> None:
    rotate_password(rds, path)
    assert rds.acts == ["keep", "check", "discard"]
    assert (rds.first, rds.second, rds.tasks) == ("password-2", "", {"password-2"})


def test_the_number_is_all_that_changes_in_the_file(rds: FakeRds, path: Path) -> None:
    before = json.loads(path.read_text())
    rotate_password(rds, path)
    before["parameters"]["DatabasePasswordNumber"] = "2"
    assert path.read_text() == f"{json.dumps(before, indent=2)}\n"


def test_a_rotation_that_was_killed_at_any_moment_is_finished_by_the_next(
    site: Site, path: Path
) -> None:
    for end in itertools.count(1):
        site.ecs = rds = FakeRds(Clock())
        shutil.copy(INFRA / "parameters/staging.json", path)
        was_killed = until_it_ends(rds.clock, end, lambda: rotate_password(rds, path))  # noqa: B023
        assert rds.second == ""
        assert rds.tasks == {rds.first} == {f"password-{rds.number}"}
        if not was_killed:
            break
    assert end > 20


def test_a_second_rotation_gives_a_third_password(rds: FakeRds, path: Path) -> None:
    rotate_password(rds, path)
    rotate_password(rds, path)
    assert (rds.first, rds.second) == ("password-3", "")


def test_the_password_before_stays_until_mysql_takes_the_new_one(
    rds: FakeRds, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(number: int) -> None:
        rds.url, rds.number = f"password-{number}", number

    monkeypatch.setattr(rds, "cloudformation", slowly)
    with pytest.raises(Failure, match="database_password check ended with 1"):
        rotate_password(rds, path)
    assert rds.tasks == {"password-1"}
    rds.first = "password-2"
    rotate_password(rds, path)
    assert rds.tasks == {"password-2"}


def test_no_password_is_in_what_aws_is_told(rds: FakeRds, path: Path) -> None:
    rotate_password(rds, path)
    assert "password-" not in json.dumps(rds.calls)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"status": "UPDATE_IN_PROGRESS"}, "myapp-staging-data is UPDATE_IN_PROGRESS: wait"),
        ({"number": 3}, "DatabasePasswordNumber is 1, and the stack has 3: take over"),
        ({"service": {"status": "ACTIVE", "taskDefinition": BASE, "deployments": []}}, "nothing"),
    ],
)
def test_nothing_is_begun_where_it_could_not_be_finished(
    rds: FakeRds, path: Path, change: dict[str, Any], problem: str
) -> None:
    for name, value in change.items():
        setattr(rds, name, value)
    with pytest.raises(Failure, match=problem):
        rotate_password(rds, path)
    assert rds.acts == []


def test_no_leaves_the_password(rds: FakeRds, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", lambda question: "")
    with pytest.raises(Failure, match="staging keeps its password"):
        Rotation("staging", rds, path).rotate()
    assert rds.acts == []


# --- keys


class FakeIam(DocumentedAws):
    """A user and its keys."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.users = ["deployer"]
        self.keys: dict[str, dict[str, str]] = {}
        self.tags: dict[str, str] = {}
        self.looks_until_known = 0
        self.made = 0
        self.add()

    def __call__(self, service: str, action: str, *words: str) -> Any:
        self.clock.tick()
        answer = super().__call__(service, action, *words)
        self.clock.tick()
        return answer

    def add(self) -> dict[str, str]:
        self.made += 1
        assert len(self.keys) < 2, "AWS gives nobody a third key"
        key = {"AccessKeyId": f"AKIA{self.made}", "Status": "Active", "UserName": "deployer"}
        self.keys[f"AKIA{self.made}"] = key | {"CreateDate": f"2026-01-0{self.made}"}
        return key | {"SecretAccessKey": f"hush-{self.made}"}

    def list_entities_for_policy(self, options: Any) -> Any:
        assert options["policy-arn"] == "arn:aws:iam::1:policy/myapp-staging-deploy"
        return {"PolicyUsers": [{"UserName": name} for name in self.users]}

    def list_access_keys(self, options: Any) -> Any:
        return {"AccessKeyMetadata": list(self.keys.values())}

    def list_user_tags(self, options: Any) -> Any:
        return {"Tags": [{"Key": key, "Value": value} for key, value in self.tags.items()]}

    def tag_user(self, options: Any) -> None:
        key, value = options["tags"].removeprefix("Key=").split(",Value=")
        self.tags[key] = value

    def create_access_key(self, options: Any) -> Any:
        return {"AccessKey": self.add()}

    def update_access_key(self, options: Any) -> None:
        self.keys[options["access-key-id"]]["Status"] = options["status"]

    def delete_access_key(self, options: Any) -> None:
        del self.keys[options["access-key-id"]]

    def get_caller_identity(self, options: Any) -> Any:
        if self.looks_until_known:
            self.looks_until_known -= 1
            raise Failure("An error occurred (InvalidClientTokenId)")
        return {"Account": "1"}


class World:
    """A user, and a GitHub that has its key."""

    def __init__(self, api: Any) -> None:
        self.clock = Clock()
        self.iam = FakeIam(self.clock)
        self.github = ClockedGitHub(api, self.clock)
        self.tried: list[Mapping[str, str]] = []

    def connect(self, credentials: Mapping[str, str]) -> Aws:
        self.tried.append(credentials)
        return self.iam

    def rotate(self, yes: bool = True) -> None:
        KeyRotation("staging", self.iam, "1", self.github, self.connect, yes).rotate()

    def given(self) -> tuple[str, str]:
        """Return the pair that GitHub has."""
        plain = self.github.plain
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        return plain["staging", names[0]], plain["staging", names[1]]

    def active(self) -> list[str]:
        return [name for name, key in self.iam.keys.items() if key["Status"] == "Active"]


class ClockedGitHub(FakeGitHub):
    def __init__(self, api: Any, clock: Clock) -> None:
        super().__init__(api)
        self.clock = clock
        self("PUT", "environments/staging", {})
        self.set_secret("AWS_ACCESS_KEY_ID", "staging", "AKIA1")
        self.set_secret("AWS_SECRET_ACCESS_KEY", "staging", "hush-1")

    def set_secret(self, name: str, environment: str, value: str) -> None:
        self.clock.tick()
        super().set_secret(name, environment, value)
        self.clock.tick()


@pytest.fixture
def world(api: Any) -> World:
    return World(api)


def test_github_has_the_new_key_and_the_one_before_is_deactivated(world: World) -> None:
    world.iam.looks_until_known = 3
    world.rotate()
    assert world.given() == ("AKIA2", "hush-2")
    assert world.active() == ["AKIA2"]
    assert set(world.iam.keys) == {"AKIA1", "AKIA2"}


def test_a_key_is_tried_before_it_is_handed_over(world: World) -> None:
    world.iam.looks_until_known = 1000
    with pytest.raises(Failure, match="AWS does not take the new key"):
        world.rotate()
    assert world.given() == ("AKIA1", "hush-1")
    assert "AKIA1" in world.active()


def test_the_next_rotation_deletes_what_was_deactivated(world: World) -> None:
    world.rotate()
    world.rotate()
    assert set(world.iam.keys) == {"AKIA2", "AKIA3"}
    assert world.active() == ["AKIA3"]


def test_rotating_keys_that_was_killed_at_any_moment_is_finished_by_the_next(api: Any) -> None:
    for end in itertools.count(1):
        world = World(api)
        was_killed = until_it_ends(world.clock, end, world.rotate)
        identifier, secret = world.given()
        assert world.active() == [identifier]
        assert secret.removeprefix("hush-") == identifier.removeprefix("AKIA")
        if not was_killed:
            break
    assert end > 15


def test_a_deploy_that_runs_keeps_its_key(world: World) -> None:
    world.github.runs = [{"id": 1, "status": "in_progress"}]
    with pytest.raises(Failure, match="a deploy to staging may be using AKIA1, which stays"):
        world.rotate()
    assert world.active() == ["AKIA1", "AKIA2"]
    world.github.runs = []
    world.rotate()
    assert world.active() == ["AKIA2"]


def test_of_two_keys_it_must_be_known_which_one_github_has(world: World) -> None:
    world.iam.add()
    with pytest.raises(Failure, match="not known which one GitHub has"):
        world.rotate()
    assert len(world.active()) == 2


@pytest.mark.parametrize(
    ("users", "problem"),
    [([], "deploys use a role, which has no keys"), (["a", "b"], "a and b have the policy")],
)
def test_whose_key_it_is_must_be_known(world: World, users: list[str], problem: str) -> None:
    world.iam.users = users
    with pytest.raises(Failure, match=problem):
        world.rotate()


def test_no_leaves_the_key(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", lambda question: "")
    with pytest.raises(Failure, match="staging keeps its key"):
        world.rotate(yes=False)
    assert world.active() == ["AKIA1"]


def test_no_key_is_shown(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.rotate()
    assert "hush" not in capsys.readouterr().out
    assert world.tried == [
        {
            "AWS_ACCESS_KEY_ID": "AKIA2",
            "AWS_SECRET_ACCESS_KEY": "hush-2",
            "AWS_SESSION_TOKEN": "",
        }
    ]


def test_a_new_key_reaches_aws_through_the_environment_alone(tmp_path: Path) -> None:
    secret = secrets.token_hex(8)
    program = tmp_path / "aws"
    program.write_text(
        f'#!/bin/sh\necho "$@" >{tmp_path}/words\necho "$AWS_SECRET_ACCESS_KEY" >{tmp_path}/key\n'
    )
    program.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        Aws("us-east-1", credentials={"AWS_SECRET_ACCESS_KEY": secret})(
            "sts", "get-caller-identity"
        )
    assert (tmp_path / "key").read_text().strip() == secret
    assert secret not in (tmp_path / "words").read_text()


def test_without_aws_it_ends_in_one_line() -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        ["scripts/rotate-secrets", "staging", "database", "--yes"],
        cwd=INFRA.parent,
        env=environ | {"AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("scripts/rotate-secrets: ")
