"""GitHub's CLI for scripts: its answers as data, its refusals in one line."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from typing import Any

from delivery.errors import Failure
from delivery.git import slug
from delivery.github.gh import GET_GH

# What GitHub says where it would do as asked for other people's money.
PLAN = re.compile(r"billing plan|upgrade to github", re.IGNORECASE)


class Refused(Failure):
    """What GitHub said no to."""

    def __init__(self, status: int, asked: str, said: str) -> None:
        super().__init__(f"{asked}: {said}")
        self.status = status
        self.said = said
        self.for_the_plan = bool(PLAN.search(said))


@dataclass
class Gh:
    """One repository, OWNER/NAME, as whoever is logged in to `gh`."""

    repository: str

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        """Return GitHub's answer; a path is within the repository, or begins with a slash."""
        words = api_words(method, self.where(path), body)
        return json.loads(self.run(words, "" if body is None else json.dumps(body)) or "{}")

    def where(self, path: str) -> str:
        return path[1:] if path.startswith("/") else f"repos/{self.repository}/{path}".rstrip("/")

    def administered(self) -> dict[str, Any]:
        """Return the repository, unless one may not ask it what only administrators may."""
        found = self.find("")
        if not found:
            raise Failure(f"{self.repository}: GitHub knows no such repository, or not to you")
        if not found.get("permissions", {}).get("admin"):
            raise Failure(f"{self.repository}: you are not one of its administrators")
        return dict(found)

    def find(self, path: str) -> Any:
        """Return what is there, or nothing."""
        try:
            return self("GET", path)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def all(self, path: str, key: str) -> list[dict[str, Any]]:
        """Return every page of a list; of an environment that does not exist, nothing."""
        found: list[dict[str, Any]] = []
        page = 1
        while answer := self.find(f"{path}?per_page=30&page={page}"):
            found += answer[key]
            if not answer[key] or len(found) >= answer["total_count"]:
                break
            page += 1
        return found

    def set_secret(self, name: str, environment: str, value: str) -> None:
        """Hand over a secret, which `gh` encrypts; it reads it where nobody else can."""
        self.run(secret_words(name, environment, self.repository), value)

    def run(self, words: list[str], text: str) -> str:
        try:
            done = subprocess.run(["gh", *words], input=text, capture_output=True, text=True)
        except FileNotFoundError:
            raise Failure(f"gh is missing: {GET_GH}") from None
        if not done.returncode:
            return done.stdout
        said = " ".join(done.stderr.split())
        status = re.search(r"\(HTTP (\d+)\)|HTTP (\d+):", said)
        if done.returncode == 4 or "gh auth login" in said or (status and "401" in status.groups()):
            raise Failure("gh is not logged in: gh auth login (or set GH_TOKEN)")
        asked = f"gh {' '.join(words[:4])}"
        if status:
            raise Refused(int(status[1] or status[2]), asked, said)
        raise Failure(f"{asked}: {said}")


def api_words(method: str, path: str, body: Any) -> list[str]:
    return ["api", "--method", method, path, *([] if body is None else ["--input", "-"])]


def secret_words(name: str, environment: str, repository: str) -> list[str]:
    words = ["secret", "set", name, "--repo", repository]
    return [*words, "--env", environment] if environment else words


def repository_of_clone() -> str:
    """Return the OWNER/NAME that this clone came from; `gh` alone might take another remote's."""
    try:
        found = slug()
    except Failure as failure:
        raise Failure(f"which repository? --repository OWNER/NAME ({failure})") from None
    if not found:
        raise Failure("which repository? origin does not say: --repository OWNER/NAME")
    return found
