"""GitHub's security features, where the plan has them, and the policy on actions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Any, NamedTuple

from delivery.github.client import Gh
from delivery.paths import WORKFLOWS

GITHUBS_OWN = ("actions/", "github/")


class Feature(NamedTuple):
    """A feature, and the call that turns it on."""

    name: str
    method: str
    path: str
    body: Any = None


def features_off(gh: Gh, repository: dict[str, Any]) -> Iterator[Feature]:
    """Yield each feature that is off; secret scanning and reports are free for public ones only."""
    if not repository["private"]:
        analysis = repository.get("security_and_analysis") or {}
        off = {
            name: {"status": "enabled"}
            for name in ("secret_scanning", "secret_scanning_push_protection")
            if analysis.get(name, {}).get("status") != "enabled"
        }
        if off:
            body = {"security_and_analysis": off}
            yield Feature("secret scanning with push protection", "PATCH", "", body)
        path = "private-vulnerability-reporting"
        if not gh("GET", path)["enabled"]:
            yield Feature("private vulnerability reporting", "PUT", path)
    if gh.find("vulnerability-alerts") is None:
        yield Feature("the dependency graph with its alerts", "PUT", "vulnerability-alerts")
    if not (gh.find("immutable-releases") or {}).get("enabled"):
        yield Feature("immutable releases", "PUT", "immutable-releases")


def refused_actions(gh: Gh) -> list[str]:
    """Return the actions of the workflows that the policy of repository or organization refuses."""
    policy = gh("GET", "actions/permissions")
    if not policy["enabled"]:
        return ["all of them: GitHub Actions is off"]
    if policy.get("allowed_actions", "all") == "all":
        return []
    selected: dict[str, Any] = {}
    if policy["allowed_actions"] == "selected":
        selected = gh("GET", "actions/permissions/selected-actions")
    patterns = selected.get("patterns_allowed", [])
    return [
        action
        for action in used_actions()
        if not (selected.get("github_owned_allowed") and action.startswith(GITHUBS_OWN))
        and not any(fnmatch(action, pattern) for pattern in patterns)
    ]


def used_actions() -> list[str]:
    """Return each action that the workflows use, as OWNER/NAME@COMMIT."""
    texts = (path.read_text() for path in WORKFLOWS.glob("*.yml"))
    return sorted({name for text in texts for name in re.findall(r"uses: ([\w-]+/\S+@\S+)", text)})
