"""Wanted settings of GitHub: environments, rulesets, and the values the workflows read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from delivery import paths
from delivery.environments import SOURCES
from delivery.github.client import Gh

WAIT_MINUTES = 5
POLICY = {"protected_branches": False, "custom_branch_policies": True}
# Values that differ between the environments; all others are set once, for the repository.
OWN = ("APP_URL", "AWS_ROLE_ARN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
# The jobs of test.yml, as a pull request shows them.
CHECKS = ("lint", "test (MySQL 8.0)", "test (MySQL 8.4)", "delivery", "security")
GITHUB_ACTIONS = (
    15368  # the app of that name; a check of the same name by another app does not count
)
# Who may release: GitHub's roles Maintain and Admin, by their numbers.
MAINTAINERS = [
    {"actor_type": "RepositoryRole", "actor_id": role, "bypass_mode": "always"} for role in (2, 5)
]
NOT_ENFORCED = (
    "GitHub enforces neither reviewers nor the wait timer in a private repository on the plan {}:"
    " whoever may push a tag deploys to production. Make it public, or use GitHub Enterprise"
)


@dataclass(frozen=True)
class Use:
    """A secret or variable and the job that reads it, with the job's environment."""

    kind: str
    name: str
    workflow: str
    environment: str


def uses() -> list[Use]:
    """Return the secrets and variables that the workflows read."""
    found = set()
    for path in sorted(paths.WORKFLOWS.glob("*.yml")):
        for block in re.split(r"^  (?=[\w-]+:\n)", path.read_text(), flags=re.MULTILINE):
            job = re.search(r"^    environment:\n      name: (\w+)$", block, re.MULTILINE)
            for kind, name in re.findall(r"\b(secrets|vars)\.(\w+)", block):
                if name != "GITHUB_TOKEN":
                    kind = {"secrets": "secret", "vars": "variable"}[kind]
                    found.add(Use(kind, name, path.name, job[1] if job else ""))
    return sorted(found, key=lambda use: (use.kind, use.name, use.workflow, use.environment))


def is_own(name: str, environment: str) -> bool:
    """Return whether an environment must have its own value for this name."""
    suffix = "_PROD" if environment == "production" else ""
    return name in OWN[:2] or name in [f"{key}{suffix}" for key in OWN[2:]]


def places(name: str) -> list[str]:
    """Return where a name may be set: environments, and "" for the repository."""
    mine = [use.environment for use in uses() if use.name == name]
    if own := [environment for environment in SOURCES if is_own(name, environment)]:
        return own
    # A job without an environment gets none of an environment's values.
    return [""] if "" in mine else ["", *sorted(set(mine))]


def rulesets(approvals: int | None, now: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rulesets of main and of version tags; `now` is the present one of main."""
    if approvals is None:
        rules = {rule["type"]: rule.get("parameters", {}) for rule in now.get("rules", [])}
        approvals = rules.get("pull_request", {}).get("required_approving_review_count", 1)
    review = {
        "required_approving_review_count": approvals,
        "dismiss_stale_reviews_on_push": True,
        "require_code_owner_review": False,
        "require_last_push_approval": False,
        "required_review_thread_resolution": False,
    }
    checks = {
        "strict_required_status_checks_policy": False,
        "required_status_checks": [
            {"context": name, "integration_id": GITHUB_ACTIONS} for name in CHECKS
        ],
    }
    return [
        ruleset("main", "branch", "refs/heads/main")
        | {
            "rules": [
                {"type": "deletion"},
                {"type": "non_fast_forward"},
                {"type": "pull_request", "parameters": review},
                {"type": "required_status_checks", "parameters": checks},
            ]
        },
        ruleset("versions", "tag", "refs/tags/v*.*.*")
        | {
            "rules": [
                {"type": "deletion"},
                {"type": "update", "parameters": {"update_allows_fetch_and_merge": False}},
            ]
        },
        # A ruleset of its own: nobody bypasses the rules above.
        ruleset("new versions", "tag", "refs/tags/v*.*.*")
        | {"rules": [{"type": "creation"}], "bypass_actors": MAINTAINERS},
    ]


def ruleset(name: str, target: str, ref: str) -> dict[str, Any]:
    conditions = {"ref_name": {"include": [ref], "exclude": []}}
    return {"name": name, "target": target, "enforcement": "active", "conditions": conditions}


def covers(current: Any, wanted: Any) -> bool:
    """Return whether all wanted settings are there; additional ones do no harm."""
    if isinstance(wanted, dict) and isinstance(current, dict):
        return all(name in current and covers(current[name], wanted[name]) for name in wanted)
    if isinstance(wanted, list) and isinstance(current, list):
        return all(any(covers(one, item) for one in current) for item in wanted)
    return bool(current == wanted)


def find_rulesets(gh: Gh) -> dict[str, Any]:
    """Return the repository's own rulesets by name."""
    listed = gh("GET", "rulesets?includes_parents=false&per_page=100")
    return {found["name"]: gh("GET", f"rulesets/{found['id']}") for found in listed}


def protection(environment: dict[str, Any]) -> dict[str, Any]:
    """Return the protection of an environment, in the form of the call that changes it."""
    rules = {rule["type"]: rule for rule in environment.get("protection_rules", [])}
    people = rules.get("required_reviewers", {})
    reviewers = [
        {"type": entry["type"], "id": entry["reviewer"]["id"]}
        for entry in people.get("reviewers", [])
    ]
    return {
        "wait_timer": rules.get("wait_timer", {}).get("wait_timer", 0),
        "prevent_self_review": people.get("prevent_self_review", False),
        "reviewers": reviewers,
        "deployment_branch_policy": environment.get("deployment_branch_policy"),
    }


def policies(gh: Gh, environment: str) -> dict[tuple[str, str], int]:
    """Return the branches and tags that may deploy to an environment, with their ids."""
    path = f"environments/{environment}/deployment-branch-policies"
    return {(p.get("type", "branch"), p["name"]): p["id"] for p in gh.all(path, "branch_policies")}


def unenforced(gh: Gh, repository: dict[str, Any]) -> str:
    """Return which rules the owner's plan does not enforce; empty if it enforces all."""
    if not repository["private"]:
        return ""
    owner = repository["owner"]
    if owner["type"] == "Organization":
        account = gh("GET", f"/orgs/{owner['login']}")
    else:
        account = gh("GET", "/user")
        if account["login"] != owner["login"]:
            account = {}
    plan = account.get("plan", {}).get("name", "")
    return NOT_ENFORCED.format(plan) if plan in ("free", "pro", "team") else ""
