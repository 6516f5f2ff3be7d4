"""Checks of the repository in GitHub: values, protection, and trust by AWS."""

from __future__ import annotations

import re
from typing import Any

from delivery.aws.infra_parameters import read_parameters
from delivery.checks.check_configuration import missing
from delivery.deploy.verify_deployment import Site, brief, health
from delivery.doctor.findings import (
    KEY_DAYS,
    MISSING,
    NOT_ASKED,
    OK,
    WRONG,
    Finding,
    Findings,
    by_age,
)
from delivery.environments import SOURCES
from delivery.errors import Failure
from delivery.github.client import Gh
from delivery.github.configure_github import environment_changes, known, ruleset_changes
from delivery.github.github_security import features_off, refused_actions
from delivery.github.github_settings import places, rulesets, unenforced, uses
from delivery.github.github_values import demanded, seen_by
from delivery.paths import INFRA

CONFIGURE = "scripts/configure-github"
URLS = {(name, "APP_URL"): name for name in SOURCES} | {("", "STAGING_URL"): "staging"}


def examine(gh: Gh) -> Findings:
    repository = gh.administered()
    if plan := unenforced(gh, repository):
        yield Finding(WRONG, plan)
    yield from protections(gh)
    yield from bypasses(gh)
    yield from features(gh, repository)
    there = known(gh)
    yield from required(there)
    yield from values(there)
    yield from addresses(there)
    yield from subjects(gh, repository)


def protections(gh: Gh) -> Findings:
    for name, (kind, pattern) in SOURCES.items():
        try:
            changes = environment_changes(gh, name, [])
        except Failure as failure:
            yield Finding(WRONG, f"environment {name}: {failure}", CONFIGURE)
            continue
        if not changes:
            yield Finding(OK, f"environment {name}: only the {kind} {pattern} may deploy")
        for change in changes:
            yield Finding(WRONG, f"missing or wrong: {change.what}", CONFIGURE)
    wrong = {change.what.split(":")[0]: change for change in ruleset_changes(gh, None)}
    for ruleset in rulesets(None, {}):
        what = f"ruleset {ruleset['name']}"
        if what in wrong:
            state = MISSING if wrong[what].method == "POST" else WRONG
            yield Finding(state, wrong[what].what, CONFIGURE)
        else:
            yield Finding(OK, f"{what}: in force")


def bypasses(gh: Gh) -> Findings:
    """Yield whether administrators can deploy to production without an approval."""
    found = gh.find("environments/production") or {}
    if found.get("can_admins_bypass"):
        what = "environment production: administrators may deploy without an approval"
        yield Finding(WRONG, what, "Settings > Environments > production: turn off the bypass")


def features(gh: Gh, repository: dict[str, Any]) -> Findings:
    """Yield which of GitHub's security features are off, and which actions may not run."""
    for feature in features_off(gh, repository):
        yield Finding(WRONG, f"{feature.name}: off", CONFIGURE)
    for action in refused_actions(gh):
        fix = "Settings > Actions > General, or ask the organization"
        yield Finding(WRONG, f"the policy on actions refuses {action}", fix)


def required(there: dict[tuple[str, str], str]) -> Findings:
    for environment in SOURCES:
        for lack in missing(environment, seen_by(there, environment)):
            yield Finding(MISSING, f"{environment}: {lack}", CONFIGURE)
    if demanded(there):
        what = "the variable DEPLOY_REQUIRED: without it, a deploy that lacks a value is skipped"
        yield Finding(MISSING, what, CONFIGURE)


def values(there: dict[tuple[str, str], str]) -> Findings:
    """Yield a finding for each secret and variable, and for each place where one must not be."""
    kinds = {use.name: use.kind for use in uses()}
    lacks = " ".join(finding.what for finding in required(there))
    for name, kind in kinds.items():
        found = [place for place, known_name in there if known_name == name]
        for place in found:
            yield value(there, name, kind, place)
        if not found and not re.search(rf"\b{name}\b", lacks):
            yield Finding(OK, f"{kind} {name}: not set, and optional ({readers(name)})")


def addresses(there: dict[tuple[str, str], str]) -> Findings:
    """Check that each URL leads to its environment."""
    for (place, name), environment in URLS.items():
        if url := there.get((place, name)):
            yield address(url, place, name, environment)


def address(url: str, place: str, name: str, environment: str) -> Finding:
    what = f"{name} of {place or 'the repository'}"
    try:
        leads_to = brief(health(Site(url)).get("environment", "a page that names no environment"))
    except Failure as failure:
        return Finding(NOT_ASKED, f"where {what} leads: {failure}")
    if leads_to == environment:
        return Finding(OK, f"{what} leads to {environment}")
    command = f"gh variable set {name}{f' --env {place}' if place else ''}"
    return Finding(WRONG, f"{what} leads to {leads_to}, not to {environment}", command)


def readers(name: str, place: str = "") -> str:
    """Return the workflows that read a value set in a place."""
    mine = [use for use in uses() if use.name == name and place in ("", use.environment)]
    return ", ".join(sorted({use.workflow for use in mine}))


def value(there: dict[tuple[str, str], str], name: str, kind: str, place: str) -> Finding:
    what = f"{kind} {name} of {place or 'the repository'}"
    remove = f"gh {kind} delete {name}{f' --env {place}' if place else ''}"
    if place not in places(name):
        right = " and ".join(f"{where or 'the repository'}" for where in places(name))
        return Finding(WRONG, f"{what}: must be set for {right} only", remove)
    if name == "ALLOW_FRIDAY_DEPLOY" and there[place, name] == "true":
        return Finding(WRONG, f"{what}: still set, but was meant for one deploy", remove)
    if name.startswith(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")):
        if there.get((place, "AWS_ROLE_ARN")):
            return Finding(WRONG, f"{what}: not needed, because the deploys have a role", remove)
        return by_age(what, there[place, name], KEY_DAYS, f"scripts/rotate-secrets {place} keys")
    shown = f" = {there[place, name]}" if kind == "variable" else ""
    return Finding(OK, f"{what}{shown} ({readers(name, place)})")


def subjects(gh: Gh, repository: dict[str, Any]) -> Findings:
    """Check that GitHub names this repository's jobs as AWS expects."""
    says = gh("GET", "actions/oidc/customization/sub")
    if not says.get("use_default", True):
        endpoint = gh.where("actions/oidc/customization/sub")
        fix = f"gh api --method PUT {endpoint} -F use_default=true"
        yield Finding(WRONG, "GitHub's tokens do not tell AWS the environment of a job", fix)
        return
    subject = says.get("sub_claim_prefix") or f"repo:{repository['full_name']}"
    for environment in SOURCES:
        path = INFRA / "parameters" / f"{environment}.json"
        mine = read_parameters(path)[2].get("GitHubSubject", "")
        what = f"infra/parameters/{path.name}: GitHubSubject"
        if mine == subject:
            yield Finding(OK, f"{what} is {subject}")
        elif mine:
            fix = f"set it, and run scripts/deploy-infra {environment}"
            yield Finding(WRONG, f"{what} is {mine}, but GitHub says {subject}", fix)
        else:
            yield Finding(OK, f"{what} is empty, so the deploys have no role and need keys")
