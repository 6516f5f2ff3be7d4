"""Rotation of the AWS keys with which deploys log in where an environment has no role.

An IAM user may have two keys. The rotation creates a second one, tries it and gives it to GitHub.
It deactivates the first key when no deploy uses it any more; the next rotation deletes that key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from delivery.aws.client import Aws
from delivery.command import confirm
from delivery.environments import DEPLOYED_BY
from delivery.errors import Failure
from delivery.github.client import Gh

# The tag of the user that names the key in GitHub, because GitHub shows no secret.
IN_GITHUB = "key-in-github"
ATTEMPTS = 30  # AWS does not know a new key everywhere at once


def users(aws: Aws, account: str, environment: str) -> list[str]:
    """Return the users that have the deploy policy of an environment."""
    policy = f"arn:aws:iam::{account}:policy/myapp-{environment}-deploy"
    try:
        answer = aws("iam", "list-entities-for-policy", "--policy-arn", policy)
    except Failure as failure:
        if "NoSuchEntity" in str(failure):
            return []
        raise
    return [user["UserName"] for user in answer["PolicyUsers"]]


@dataclass
class KeyRotation:
    """A rotation of the keys of one environment, which resumes an interrupted one."""

    environment: str
    aws: Aws
    account: str
    gh: Gh
    connect: Callable[[Mapping[str, str]], Aws]
    yes: bool = False

    def rotate(self) -> None:
        self.user = self.only_user()
        self.gh.administered()  # fails before there is a key that could not be set
        active, given = self.keys("Active"), self.in_github()
        if len(active) > 1 and given not in active:
            raise Failure(
                f"{self.user} has two active keys, and no record says which one GitHub has:"
                " deactivate the other one"
            )
        if len(active) > 1 and given == active[-1]:
            print(f"GitHub has {given} already")
        else:
            self.explain()
            self.make_room(active, given)
            given = self.renew()
        self.retire([key for key in self.keys("Active") if key != given])

    def make_room(self, active: list[str], given: str) -> None:
        """Delete all keys but the one in GitHub, and record that one."""
        for key in self.keys("Inactive"):
            self.key("delete-access-key", key)
        if len(active) > 1:
            # GitHub has one half of it at most, and its secret is no longer known.
            self.refuse_while_deploying(active[-1])
            self.key("delete-access-key", active[-1])
        elif active and given != active[0]:
            self.record(active[0])

    def only_user(self) -> str:
        found = users(self.aws, self.account, self.environment)
        policy = f"the policy myapp-{self.environment}-deploy"
        if not found:
            raise Failure(f"no user has {policy}: deploys use a role, which has no keys to rotate")
        if len(found) > 1:
            raise Failure(f"{' and '.join(found)} have {policy}: detach it from all but one")
        return found[0]

    def keys(self, status: str) -> list[str]:
        """Return the user's keys with a status (Active or Inactive), oldest first."""
        answer = self.aws("iam", "list-access-keys", "--user-name", self.user)
        found = sorted(answer["AccessKeyMetadata"], key=lambda key: str(key["CreateDate"]))
        return [str(key["AccessKeyId"]) for key in found if key["Status"] == status]

    def in_github(self) -> str:
        """Return the key that was last given to GitHub; empty if that is not recorded."""
        answer = self.aws("iam", "list-user-tags", "--user-name", self.user)
        return {tag["Key"]: str(tag["Value"]) for tag in answer["Tags"]}.get(IN_GITHUB, "")

    def explain(self) -> None:
        print(
            f"{self.user} gets a new key. GitHub's environment {self.environment} gets it, and the"
        )
        print("old key is deactivated.")
        if not self.yes and not confirm("Apply these changes?"):
            raise Failure(f"{self.environment} keeps its key (--yes skips the question)")

    def renew(self) -> str:
        """Create a key, try it and give it to GitHub."""
        made = self.aws("iam", "create-access-key", "--user-name", self.user)["AccessKey"]
        identifier, secret = str(made["AccessKeyId"]), str(made["SecretAccessKey"])
        self.await_key(identifier, secret)
        suffix = "_PROD" if self.environment == "production" else ""
        self.gh.set_secret(f"AWS_ACCESS_KEY_ID{suffix}", self.environment, identifier)
        self.gh.set_secret(f"AWS_SECRET_ACCESS_KEY{suffix}", self.environment, secret)
        self.record(identifier)
        print(f"GitHub has {identifier}")
        return identifier

    def record(self, identifier: str) -> None:
        tag = f"Key={IN_GITHUB},Value={identifier}"
        self.aws("iam", "tag-user", "--user-name", self.user, "--tags", tag)

    def await_key(self, identifier: str, secret: str) -> None:
        """Wait until AWS accepts a key; raise Failure if it does not."""
        names = {"AWS_ACCESS_KEY_ID": identifier, "AWS_SECRET_ACCESS_KEY": secret}
        tried = self.connect({**names, "AWS_SESSION_TOKEN": ""})
        for attempt in range(ATTEMPTS):
            try:
                tried("sts", "get-caller-identity")
                return
            except Failure as failure:
                if attempt == ATTEMPTS - 1:
                    raise Failure(f"AWS does not accept the new key: {failure}") from None
                self.aws.wait()

    def retire(self, old: list[str]) -> None:
        """Deactivate the keys that GitHub had before."""
        if old:
            self.refuse_while_deploying(old[0])
        for identifier in old:
            self.key("update-access-key", identifier, "--status", "Inactive")
            print(
                f"{identifier} is deactivated; the next rotation deletes it. To activate it again:"
            )
            print(
                f"  aws iam update-access-key --user-name {self.user}"
                f" --access-key-id {identifier} --status Active"
            )

    def refuse_while_deploying(self, identifier: str) -> None:
        path = f"actions/workflows/{DEPLOYED_BY[self.environment]}/runs?status=in_progress"
        if self.gh("GET", path)["total_count"]:
            raise Failure(
                f"a deploy to {self.environment} may be using {identifier}, which stays: run this"
                " again once it is over"
            )

    def key(self, action: str, identifier: str, *words: str) -> None:
        mine = ("--user-name", self.user, "--access-key-id", identifier)
        self.aws("iam", action, *mine, *words)
