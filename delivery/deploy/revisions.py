"""Revisions of a task definition, and the tags that record which of them were good.

ECS does not record that, so each revision has tags: `verified`, when /health/ answered from it;
`rolled-back`, when it was found to be bad, with `rolled-back-to`, the revision that replaced it.
That one has `rolled-back-from`. Times can be compared as text. `worker` is in worker.py.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from delivery.aws.client import Aws
from delivery.aws.ecs import CONTAINER, short
from delivery.errors import Failure
from delivery.versions import is_lower

# Fields that AWS adds to a definition and refuses as input. All others are kept, so that an unknown
# field fails and no setting is lost silently.
ANSWERED = {
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
    "deregisteredAt",
}


def register(aws: Aws, family: str, definition: dict[str, Any]) -> str:
    """Register a definition as the next revision of a family, and return its ARN."""
    kept = {name: value for name, value in definition.items() if name not in ANSWERED}
    text = json.dumps(kept | {"family": family})
    answer = aws("ecs", "register-task-definition", "--cli-input-json", text)
    return str(answer["taskDefinition"]["taskDefinitionArn"])


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


@dataclass(frozen=True)
class Revision:
    """A revision: its ARN, its definition of the container, and its tags."""

    arn: str
    container: dict[str, Any]
    tags: dict[str, str]

    def __str__(self) -> str:
        commit = f", commit {self.commit[:12]}" if self.commit not in ("", self.version) else ""
        return f"{self.version[:12]} (revision {self.number}{commit})"

    @property
    def number(self) -> int:
        return int(self.arn.rpartition(":")[2])

    @property
    def image(self) -> str:
        return str(self.container["image"])

    @property
    def version(self) -> str:
        return self.variable("APP_VERSION") or self.commit or short(self.arn)

    @property
    def commit(self) -> str:
        return self.variable("APP_COMMIT")

    def variable(self, name: str) -> str:
        """Return a variable of the container; empty if it is not set."""
        variables = self.container.get("environment", [])
        return next((str(v["value"]) for v in variables if v["name"] == name), "")

    @property
    def is_good(self) -> bool:
        return self.tags.get("verified", "") > self.tags.get("rolled-back", "")

    def is_older_than(self, other: Revision) -> bool:
        """Return whether both are versions such as v1.2.3, and this is the lower one."""
        return is_lower(self.version, other.version)


class History:
    """A family of task definitions; each revision is described only when it is needed."""

    def __init__(self, aws: Aws, family: str) -> None:
        self.aws = aws
        self.family = family
        self._known: dict[int, Revision] = {}

    def numbers(self) -> list[int]:
        """Return the numbers of all revisions, newest first."""
        answer = self.aws(
            *("ecs", "list-task-definitions", "--family-prefix", self.family, "--sort", "DESC")
        )
        names = [short(arn).rpartition(":") for arn in answer["taskDefinitionArns"]]
        return sorted((int(n) for name, _, n in names if name == self.family), reverse=True)

    def number(self, revision: str) -> int:
        """Return the number of a revision given as 41, myapp-staging-task:41 or its ARN."""
        family, _, number = short(revision).rpartition(":")
        if family not in ("", self.family) or not re.fullmatch(r"[1-9][0-9]*", number):
            raise Failure(f"{revision!r} is not a revision of {self.family} such as 41")
        return int(number)

    def at(self, number: int) -> Revision:
        if number not in self._known:
            self._known[number] = self._describe(number)
        return self._known[number]

    def _describe(self, number: int) -> Revision:
        name = f"{self.family}:{number}"
        try:
            answer = self.aws(
                *("ecs", "describe-task-definition", "--task-definition", name),
                *("--include", "TAGS"),
            )
        except Failure as failure:
            if "Unable to describe" in str(failure):
                raise Failure(f"there is no revision {number} of {self.family}") from None
            raise
        definition = answer["taskDefinition"]
        mine = next(c for c in definition["containerDefinitions"] if c["name"] == CONTAINER)
        tags = {tag["key"]: tag["value"] for tag in answer.get("tags") or []}
        return Revision(definition["taskDefinitionArn"], mine, tags)

    def before(self, revision: Revision) -> Revision | None:
        """Return the newest good revision before this one that has another image, or None."""
        numbers = [number for number in self.numbers() if number < revision.number]
        while numbers:
            found = self.at(numbers[0])
            if found.is_good and found.image != revision.image:
                return found
            # A rolled-back revision was replaced by an older one: skip those between the two.
            to = 0 if found.is_good else int(found.tags.get("rolled-back-to", 0))
            numbers = [n for n in numbers[1:] if n <= to or not 0 < to < found.number]
        return None

    def of_version(self, version: str) -> Revision:
        """Return the newest revision of a version, preferably one that was good."""
        others = []
        for revision in map(self.at, self.numbers()):
            if version in (revision.version, revision.commit):
                if revision.is_good:
                    return revision
                others.append(revision)
        if others:
            return others[0]
        raise Failure(f"{version} never ran here: no revision of {self.family} has it")

    def came_from(self, revision: Revision) -> Revision | None:
        """Return the revision that was rolled back to this one; None if this one was deployed."""
        number = int(revision.tags.get("rolled-back-from", 0))
        source = self.at(number) if number else None
        kept = source and source.tags.get("rolled-back-to") == str(revision.number)
        return source if kept and source and not source.is_good else None

    def mark_verified(self, revision: Revision) -> None:
        self.tag(revision, verified=now())

    def mark_rolled_back(self, source: Revision, target: Revision) -> None:
        self.tag(target, **{"rolled-back-from": str(source.number)})
        self.tag(source, **{"rolled-back": now(), "rolled-back-to": str(target.number)})

    def tag(self, revision: Revision, **tags: str) -> None:
        pairs = [f"key={name},value={value}" for name, value in tags.items()]
        self.aws("ecs", "tag-resource", "--resource-arn", revision.arn, "--tags", *pairs)
        revision.tags.update(tags)
