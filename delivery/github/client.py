"""Client for the GitHub API by way of `gh`: it returns answers as data."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from typing import Any

from delivery.errors import Failure
from delivery.git import slug
from delivery.github.gh import GET_GH

# GitHub's message for a feature that the owner's plan does not include.
PLAN = re.compile(r"billing plan|upgrade to github", re.IGNORECASE)
NO_REPOSITORY = "No repository is known: git remote add origin URL, or --repository OWNER/NAME"


class Refused(Failure):
    """A request that GitHub refused."""

    def __init__(self, status: int, asked: str, said: str) -> None:
        super().__init__(f"{asked}: {said}")
        self.status = status
        self.said = said
        self.for_the_plan = bool(PLAN.search(said))


@dataclass
class Gh:
    """A repository, OWNER/NAME, with the login of `gh`."""

    repository: str

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        """Return GitHub's answer; a path without a leading slash is in the repository."""
        words = api_words(method, self.where(path), body)
        return json.loads(self.run(words, "" if body is None else json.dumps(body)) or "{}")

    def where(self, path: str) -> str:
        return path[1:] if path.startswith("/") else f"repos/{self.repository}/{path}".rstrip("/")

    def administered(self) -> dict[str, Any]:
        """Return the repository; raise Failure unless the user is an administrator of it."""
        found = self.find("")
        if not found:
            raise Failure(
                f"{self.repository}: GitHub knows no such repository, or hides it from you"
            )
        if not found.get("permissions", {}).get("admin"):
            raise Failure(f"{self.repository}: you are not one of its administrators")
        return dict(found)

    def find(self, path: str) -> Any:
        """Return an object of the API, or None if there is none."""
        try:
            return self("GET", path)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def all(self, path: str, key: str) -> list[dict[str, Any]]:
        """Return all pages of a list; an empty list if its environment does not exist."""
        found: list[dict[str, Any]] = []
        page = 1
        while answer := self.find(f"{path}?per_page=30&page={page}"):
            found += answer[key]
            if not answer[key] or len(found) >= answer["total_count"]:
                break
            page += 1
        return found

    def set_secret(self, name: str, environment: str, value: str) -> None:
        """Set a secret; `gh` encrypts it and reads it from its standard input."""
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
    """Return OWNER/NAME of the remote origin; `gh` itself might choose another remote."""
    try:
        found = slug()
    except Failure as failure:
        raise Failure(f"{NO_REPOSITORY} ({failure})") from None
    if not found:
        raise Failure(f"{NO_REPOSITORY} (origin is not on GitHub)")
    return found
