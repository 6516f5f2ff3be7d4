"""Checks before a release: the clone, the version, and CI."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

from delivery.changelog import Changelog
from delivery.errors import Failure
from delivery.git import git
from delivery.github.gh import gh
from delivery.versions import PATTERN, numbers

TAG = re.compile(rf"refs/tags/v({PATTERN})$", re.M)
WORKFLOWS = {"test.yml", "deploy-staging.yml"}
WAIT_SECONDS = 2 * 60 * 60


class NotYet(Failure):
    """A failure that passes with time."""


def check_version(version: str, changelog: str) -> None:
    """Raise Failure unless a version is newer than all others and has no tag."""
    tags = TAG.findall(git("ls-remote", "--tags", "--refs", "origin"))
    if version in tags:
        raise Failure(f"origin has the tag v{version}, so it is released: use the next version")
    if git("tag", "--list", f"v{version}"):
        raise Failure(f"only this clone has the tag v{version}: git tag --delete v{version}")
    others = {*Changelog(changelog).versions(), *tags} - {version}
    last = max(others, key=numbers, default="")
    if last and numbers(last) > numbers(version):
        raise Failure(f"{version} is not newer than {last}")


def check_clone() -> str:
    """Return the commit of main; raise Failure unless the clone is an unchanged copy of it."""
    branch = git("rev-parse", "--abbrev-ref", "HEAD")
    if branch != "main":
        raise Failure(f"the branch is {branch}, but releases are made on main: git switch main")
    if changed := git("status", "--porcelain"):
        names = ", ".join(line.split(maxsplit=1)[1] for line in changed.splitlines()[:5])
        raise Failure(f"not committed: {names}. Commit or stash them: git stash -u")
    git("fetch", "--quiet", "origin", "+main:refs/remotes/origin/main")
    ahead, behind = git("rev-list", "--left-right", "--count", "HEAD...origin/main").split()
    if behind != "0":
        raise Failure(f"main lacks {behind} commits that origin has: git pull --rebase")
    if ahead != "0":
        raise Failure(f"main has {ahead} commits that origin does not have: push or remove them")
    return git("rev-parse", "HEAD")


def check_runs(commit: str) -> None:
    """Raise Failure unless test.yml and deploy-staging.yml passed for this commit of main."""
    # Not all checks of the commit, because these include a tag's that waits for approval.
    query = f"head_sha={commit}&branch=main&event=push&per_page=100"
    listed = json.loads(gh("api", f"repos/{{owner}}/{{repo}}/actions/runs?{query}"))
    # GitHub lists the newest run first, and the newest run of a workflow counts.
    runs = {Path(one["path"]).name: one for one in reversed(listed["workflow_runs"])}
    for name, one in runs.items():
        if one["status"] == "completed" and one["conclusion"] != "success":
            raise Failure(f"{name} of {commit[:12]}: {one['conclusion']}, see {one['html_url']}")
    finished = {name for name, one in runs.items() if one["status"] == "completed"}
    if late := sorted(WORKFLOWS - finished):
        raise NotYet(f"{' and '.join(late)} of {commit[:12]} did not finish yet")


def main_wants_pull_requests() -> bool:
    """Return whether a ruleset refuses pushes to main."""
    rules = json.loads(gh("api", "repos/{owner}/{repo}/rules/branches/main"))
    return any(rule["type"] == "pull_request" for rule in rules)


def check_ci(commit: str, *, ask: bool, wait: bool) -> None:
    if not ask:
        print(f"CI WAS NOT ASKED whether {commit[:12]} passed its tests and was deployed.")
        return
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            check_runs(commit)
            return
        except NotYet as late:
            if not wait or time.monotonic() > deadline:
                raise Failure(f"{late}: run this again later, or with --wait") from None
            print(f"{late}: waiting")
            time.sleep(20)


def staging_url(*, ask: bool) -> str:
    """Return the URL that deploy-prod.yml asks; empty if it is unknown."""
    if (url := os.environ.get("STAGING_URL", "")) or not ask:
        return url
    listed = json.loads(gh("api", "repos/{owner}/{repo}/actions/variables?per_page=30"))
    return next((str(v["value"]) for v in listed["variables"] if v["name"] == "STAGING_URL"), "")
