"""Payloads of the events for which GitHub starts a workflow.

https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

from typing import Any

from rehearsal.repository import Change, git, slug

NOTHING = "0" * 40


def repository() -> dict[str, Any]:
    owner, name = slug().split("/")
    return {
        "full_name": slug(),
        "name": name,
        "owner": {"login": owner},
        "default_branch": "main",
        "html_url": f"https://github.com/{slug()}",
        "fork": False,
    }


def pull_request(change: Change) -> dict[str, Any]:
    """Return the payload of an opened pull request."""
    return {
        "action": "opened",
        "number": 1,
        "pull_request": {
            "number": 1,
            "head": {"ref": "change", "sha": change.head, "repo": repository()},
            "base": {"ref": "main", "sha": change.base, "repo": repository()},
        },
        "repository": repository(),
    }


def push(change: Change) -> dict[str, Any]:
    """Return the payload of the push to main that merges a pull request."""
    commit = {
        "id": change.merge,
        "message": git("log", "-1", "--format=%s", change.merge),
        "timestamp": git("log", "-1", "--format=%cI", change.merge),
    }
    return {
        "ref": "refs/heads/main",
        "before": change.base,
        "after": change.merge,
        "commits": [commit],
        "head_commit": commit,
        "repository": repository(),
    }


def push_tag(tag: str, commit: str) -> dict[str, Any]:
    """Return the payload of a new tag."""
    return {
        "ref": f"refs/tags/{tag}",
        "before": NOTHING,
        "after": commit,
        "created": True,
        "deleted": False,
        "commits": [],
        "repository": repository(),
    }


def by_hand(**inputs: str) -> dict[str, Any]:
    """Return the payload of a workflow that a person starts."""
    return {"ref": "refs/heads/main", "inputs": inputs, "repository": repository()}
