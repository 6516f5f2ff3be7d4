"""Set up GitHub's environments, protection rules, variables and secrets as the guide requires.

Shows the changes and asks for confirmation. A second run changes only what differs. Secrets are
typed or read from a file, and are passed to `gh` through its standard input alone.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from delivery.command import confirm, run
from delivery.environments import SOURCES
from delivery.errors import Failure
from delivery.github import github_values
from delivery.github.client import Gh, Refused, api_words, repository_of_clone, secret_words
from delivery.github.github_security import features_off
from delivery.github.github_settings import (
    POLICY,
    WAIT_MINUTES,
    covers,
    find_rulesets,
    policies,
    protection,
    rulesets,
    unenforced,
)
from delivery.github.github_values import Values

FILE = """\
FILE has lines NAME = value below [repository], [staging] and [production], and nobody else may read
it. Without FILE, the command asks for missing values. docs/setup.md has an example. The exit code
is 1 if GitHub refused a change, or if its plan does not enforce one."""


@dataclass
class Change:
    """A call of the API and its purpose; `place` is the environment of a secret."""

    what: str
    method: str
    path: str
    body: Any = None
    secret: str = ""
    place: str = ""
    optional: bool = False  # a plan may lack it, and nothing depends on it

    def words(self, gh: Gh) -> list[str]:
        if self.secret:
            return secret_words(self.path, self.place, gh.repository)
        return api_words(self.method, gh.where(self.path), self.body)

    def make(self, gh: Gh) -> None:
        if self.secret:
            gh.set_secret(self.path, self.place, self.secret)
        else:
            gh(self.method, self.path, self.body)


def reviewer(gh: Gh, name: str) -> dict[str, Any]:
    """Return a person, or a team as ORGANIZATION/TEAM, in the form that environments use."""
    organization, _, team = name.rpartition("/")
    found = gh.find(f"/orgs/{organization}/teams/{team}" if organization else f"/users/{name}")
    if not found:
        raise Failure(f"--reviewer {name}: GitHub knows no person or team of this name")
    return {"type": "Team" if organization else "User", "id": found["id"]}


def wanted_protection(environment: str, now: dict[str, Any], reviewers: list[Any]) -> Any:
    """Return the part of the guide's section 5 that an environment lacks."""
    if environment == "production":
        chosen = reviewers or now["reviewers"]
        several = len(chosen) > 1 or any(one["type"] == "Team" for one in chosen)
        if not chosen:
            raise Failure("production needs one or two approvers: --reviewer LOGIN")
        return now | {
            "wait_timer": WAIT_MINUTES,
            "reviewers": chosen,
            # Somebody who works alone has nobody else to ask.
            "prevent_self_review": now["prevent_self_review"] or several,
            "deployment_branch_policy": POLICY,
        }
    # Unset protection is left out, because some plans refuse the field itself.
    undone = {"wait_timer": 0, "reviewers": [], "prevent_self_review": False}
    undone = {name: value for name, value in undone.items() if now[name] != value}
    return {**undone, "deployment_branch_policy": POLICY}


def environment_changes(gh: Gh, name: str, reviewers: list[Any]) -> list[Change]:
    found = gh.find(f"environments/{name}")
    now = protection(found or {})
    wanted = wanted_protection(name, now, reviewers)
    changes = []
    if found is None or any(now[key] != wanted[key] for key in wanted):
        changes.append(Change(f"environment {name}", "PUT", f"environments/{name}", wanted))
    path = f"environments/{name}/deployment-branch-policies"
    there = policies(gh, name) if found else {}
    kind, pattern = SOURCES[name]
    if (kind, pattern) not in there:
        body = {"name": pattern, "type": kind}
        changes.append(Change(f"{name}: the {kind} {pattern} may deploy", "POST", path, body))
    for (other, ref), number in there.items():
        if (other, ref) != (kind, pattern):
            what = f"{name}: the {other} {ref} may no longer deploy"
            changes.append(Change(what, "DELETE", f"{path}/{number}"))
    return changes


def ruleset_changes(gh: Gh, approvals: int | None) -> list[Change]:
    """Return the calls for the rulesets; by default pull requests need as many approvals as now."""
    changes = []
    there: dict[str, Any] = {}
    try:
        there = find_rulesets(gh)
    except Refused as refused:
        if not refused.for_the_plan:
            raise
        # The attempt to create one returns the reason why there can be none.
    for wanted in rulesets(approvals, there.get("main", {})):
        what = f"ruleset {wanted['name']}: {wanted['conditions']['ref_name']['include'][0]}"
        now = there.get(wanted["name"], {})
        if not now:
            changes.append(Change(what, "POST", "rulesets", wanted))
        # Keep the actors that may bypass it: that is the owner's decision.
        elif not covers(now, {key: wanted[key] for key in wanted if key != "bypass_actors"}):
            mine = {rule["type"] for rule in wanted["rules"]}
            added = [rule for rule in now.get("rules", []) if rule["type"] not in mine]
            body = wanted | {"rules": [*wanted["rules"], *added]}
            body["bypass_actors"] = now.get("bypass_actors", [])
            changes.append(Change(what, "PUT", f"rulesets/{now['id']}", body))
    return changes


def feature_changes(gh: Gh, repository: dict[str, Any]) -> list[Change]:
    return [
        Change(feature.name, feature.method, feature.path, feature.body, optional=True)
        for feature in features_off(gh, repository)
    ]


def known(gh: Gh) -> dict[tuple[str, str], str]:
    """Return each variable and secret by place and name; of a secret the date."""
    found: dict[tuple[str, str], str] = {}
    for place in ("", *SOURCES):
        path = f"environments/{place}" if place else "actions"
        found |= {(place, s["name"]): s["updated_at"] for s in gh.all(f"{path}/secrets", "secrets")}
        variables = gh.all(f"{path}/variables", "variables")
        found |= {(place, v["name"]): v["value"] for v in variables}
    return found


def value_changes(there: dict[tuple[str, str], str], values: Values) -> list[Change]:
    """Return the calls for changed variables and for all secrets, which can't be compared."""
    changes = []
    kinds = github_values.kinds()
    for (place, name), value in values.items():
        what = f"{kinds[name]} {name} of {place or 'the repository'}"
        path = f"environments/{place}" if place else "actions"
        body = {"name": name, "value": value}
        if kinds[name] == "secret":
            changes.append(Change(what, "", name, secret=value, place=place))
        elif (place, name) not in there:
            changes.append(Change(what, "POST", f"{path}/variables", body))
        elif there[place, name] != value:
            changes.append(Change(what, "PATCH", f"{path}/variables/{name}", body))
    return changes


def apply(gh: Gh, changes: list[Change]) -> list[str]:
    """Make each change; return those that the owner's plan does not allow."""
    lacks = []
    for change in changes:
        try:
            change.make(gh)
        except Refused as refused:
            if change.optional:
                print(f"not available here: {change.what}: {refused.said}")
                continue
            if not refused.for_the_plan:
                raise
            lacks.append(f"{change.what}: {refused.said}")
            rest = {"deployment_branch_policy": POLICY}
            if change.method != "PUT" or change.body == rest or "wait_timer" not in change.body:
                continue
            # Without reviewers, but at least with the limits on branches and tags.
            lacks += apply(gh, [Change(change.what, "PUT", change.path, rest)])
            continue
        print(f"set: {change.what}")
    return lacks


def configure(gh: Gh, args: argparse.Namespace) -> None:
    repository = gh.administered()
    print(f"{gh.repository}:")
    if plan := unenforced(gh, repository):
        print(f"NOT ENFORCED: {plan}")
    reviewers = [reviewer(gh, name) for name in args.reviewer]
    changes = [c for name in SOURCES for c in environment_changes(gh, name, reviewers)]
    changes += ruleset_changes(gh, args.approvals)
    changes += feature_changes(gh, repository)
    there = known(gh)
    values: Values = {}
    if args.values:
        values = github_values.read(args.values)
    elif sys.stdin.isatty() and not args.dry_run:
        values = github_values.ask(set(there))
    changes += value_changes(there, github_values.completed(values, there))
    for change in changes:
        print(f"  {change.what}")
        if args.dry_run:
            print(f"    gh {shlex.join(change.words(gh))}")
            if change.body is not None:
                print(f"    < {json.dumps(change.body)}")
    if not changes:
        print("  no changes: everything is set up")
    elif args.dry_run:
        print("Nothing was changed: --dry-run.")
    elif not args.yes and not confirm("Apply these changes?"):
        raise Failure("nothing was changed (--yes skips the question)")
    elif lacks := apply(gh, changes):
        raise Failure(f"everything was set except: {' | '.join(lacks)}")


def main() -> None:
    parser = argparse.ArgumentParser("scripts/configure-github", description=__doc__, epilog=FILE)
    parser.add_argument("--repository", metavar="OWNER/NAME", help="default: the remote origin")
    parser.add_argument(
        "--reviewer",
        action="append",
        default=[],
        metavar="LOGIN",
        help="who approves production, or ORGANIZATION/TEAM; once or twice (default: no change)",
    )
    parser.add_argument("--values", type=Path, metavar="FILE", help="variables and secrets")
    parser.add_argument(
        "--approvals",
        type=int,
        choices=range(7),
        metavar="NUMBER",
        help="approvals of a pull request; 0 if you work alone (default: as now, or 1)",
    )
    parser.add_argument("--dry-run", action="store_true", help="print the calls, but make none")
    parser.add_argument("--yes", action="store_true", help="don't ask for confirmation")
    args = parser.parse_args()
    if len(args.reviewer) > 2:
        parser.error("--reviewer: the guide requires one or two")
    run(
        "scripts/configure-github",
        lambda: configure(Gh(args.repository or repository_of_clone()), args),
    )


if __name__ == "__main__":
    main()
