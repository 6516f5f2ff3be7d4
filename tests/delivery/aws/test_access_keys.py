"""scripts/rotate-secrets ENVIRONMENT keys: GitHub always ends with the one valid key."""

import itertools
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from delivery.aws.access_keys import KeyRotation
from delivery.aws.client import Aws
from delivery.errors import Failure
from tests.delivery.documented_aws import DocumentedAws
from tests.delivery.fake_github import FakeGitHub
from tests.delivery.kill_switch import KillSwitch, run_killed


class FakeIam(DocumentedAws):
    """A user and its keys."""

    def __init__(self, kill_switch: KillSwitch) -> None:
        super().__init__()
        self.kill_switch = kill_switch
        self.users = ["deployer"]
        self.keys: dict[str, dict[str, str]] = {}
        self.tags: dict[str, str] = {}
        self.looks_until_known = 0
        self.made = 0
        self.add()

    def __call__(self, service: str, action: str, *words: str) -> Any:
        self.kill_switch.tick()
        answer = super().__call__(service, action, *words)
        self.kill_switch.tick()
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
        self.kill_switch = KillSwitch()
        self.iam = FakeIam(self.kill_switch)
        self.github = KillableGitHub(api, self.kill_switch)
        self.tried: list[Mapping[str, str]] = []

    def connect(self, credentials: Mapping[str, str]) -> Aws:
        self.tried.append(credentials)
        return self.iam

    def rotate(self, yes: bool = True) -> None:
        KeyRotation("staging", self.iam, "1", self.github, self.connect, yes).rotate()

    def given(self) -> tuple[str, str]:
        """Return the key pair in GitHub."""
        plain = self.github.plain
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        return plain["staging", names[0]], plain["staging", names[1]]

    def active(self) -> list[str]:
        return [name for name, key in self.iam.keys.items() if key["Status"] == "Active"]


class KillableGitHub(FakeGitHub):
    def __init__(self, api: Any, kill_switch: KillSwitch) -> None:
        super().__init__(api)
        self.kill_switch = kill_switch
        self("PUT", "environments/staging", {})
        self.set_secret("AWS_ACCESS_KEY_ID", "staging", "AKIA1")
        self.set_secret("AWS_SECRET_ACCESS_KEY", "staging", "hush-1")

    def set_secret(self, name: str, environment: str, value: str) -> None:
        self.kill_switch.tick()
        super().set_secret(name, environment, value)
        self.kill_switch.tick()


@pytest.fixture
def world(api: Any) -> World:
    return World(api)


def test_github_gets_the_new_key_and_the_old_one_is_deactivated(world: World) -> None:
    world.iam.looks_until_known = 3
    world.rotate()
    assert world.given() == ("AKIA2", "hush-2")
    assert world.active() == ["AKIA2"]
    assert set(world.iam.keys) == {"AKIA1", "AKIA2"}


def test_a_key_is_tried_before_github_gets_it(world: World) -> None:
    world.iam.looks_until_known = 1000
    with pytest.raises(Failure, match="AWS does not accept the new key"):
        world.rotate()
    assert world.given() == ("AKIA1", "hush-1")
    assert "AKIA1" in world.active()


def test_the_next_rotation_deletes_the_deactivated_key(world: World) -> None:
    world.rotate()
    world.rotate()
    assert set(world.iam.keys) == {"AKIA2", "AKIA3"}
    assert world.active() == ["AKIA3"]


def test_a_key_rotation_that_is_killed_at_any_time_is_completed_by_the_next(api: Any) -> None:
    for end in itertools.count(1):
        world = World(api)
        was_killed = run_killed(world.kill_switch, end, world.rotate)
        identifier, secret = world.given()
        assert world.active() == [identifier]
        assert secret.removeprefix("hush-") == identifier.removeprefix("AKIA")
        if not was_killed:
            break
    assert end > 15


def test_a_running_deploy_keeps_its_key(world: World) -> None:
    world.github.runs = [{"id": 1, "status": "in_progress"}]
    with pytest.raises(Failure, match="a deploy to staging may be using AKIA1, which stays"):
        world.rotate()
    assert world.active() == ["AKIA1", "AKIA2"]
    world.github.runs = []
    world.rotate()
    assert world.active() == ["AKIA2"]


def test_two_keys_are_refused_if_no_record_says_which_one_github_has(world: World) -> None:
    world.iam.add()
    with pytest.raises(Failure, match="no record says which one GitHub has"):
        world.rotate()
    assert len(world.active()) == 2


@pytest.mark.parametrize(
    ("users", "problem"),
    [([], "deploys use a role, which has no keys"), (["a", "b"], "a and b have the policy")],
)
def test_exactly_one_user_must_have_the_deploy_policy(
    world: World, users: list[str], problem: str
) -> None:
    world.iam.users = users
    with pytest.raises(Failure, match=problem):
        world.rotate()


def test_the_answer_no_keeps_the_key(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", lambda question: "")
    with pytest.raises(Failure, match="staging keeps its key"):
        world.rotate(yes=False)
    assert world.active() == ["AKIA1"]


def test_no_secret_key_is_printed(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.rotate()
    assert "hush" not in capsys.readouterr().out
    assert world.tried == [
        {
            "AWS_ACCESS_KEY_ID": "AKIA2",
            "AWS_SECRET_ACCESS_KEY": "hush-2",
            "AWS_SESSION_TOKEN": "",
        }
    ]


def test_the_aws_cli_gets_a_new_key_through_its_environment_only(tmp_path: Path) -> None:
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
