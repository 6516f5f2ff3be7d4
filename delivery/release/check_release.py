"""Check that a version may go to production.

It must be vMAJOR.MINOR.PATCH, its tag must be on main, CHANGELOG.md must have a section on it, and
staging must run its commit. For a redeploy the tag is enough, because it was checked before.
"""

from __future__ import annotations

import argparse

from delivery.changelog import NoParser
from delivery.command import run
from delivery.deploy.verify_deployment import Site, health, other_environment
from delivery.errors import Failure
from delivery.git import git_or_nothing
from delivery.release.changelog_section import section
from delivery.versions import is_tag
from delivery.workflow import output

MAIN = "refs/remotes/origin/main"


def commit_of(version: str) -> str:
    """Return the commit of a version's tag; raise Failure unless it is on main."""
    if not is_tag(version):
        raise Failure(f"{version!r} is not a version such as v1.2.3")
    commit = git_or_nothing("rev-parse", "--verify", "--quiet", f"refs/tags/{version}^{{commit}}")
    if not commit:
        raise Failure(f"there is no tag {version}")
    main = git_or_nothing("rev-parse", "--verify", "--quiet", MAIN)
    if not main:
        raise Failure("this clone does not know the branch main of its origin: git fetch")
    if git_or_nothing("merge-base", commit, main) != commit:
        raise Failure(f"{version} is {commit[:12]}, which is not on main")
    return commit


def check_staging(url: str, version: str, commit: str) -> None:
    found = health(Site(url))
    if other := other_environment(found, "staging"):
        raise Failure(f"{url} leads to {other}, not to staging: correct STAGING_URL")
    if (runs := str(found.get("commit"))) != commit:
        raise Failure(
            f"{version} is {commit[:12]}, but staging runs {runs[:12]}: only that commit can be"
            " released. Wait for staging's deploy, or tag that commit. A version that was in"
            " production before can be redeployed by hand"
        )
    if found.get("status") != "ok":
        raise Failure(f"staging runs {version}, but is not ready: see {url}")


def check(version: str, staging: str, redeploy: bool) -> None:
    commit = commit_of(version)
    try:
        section(git_or_nothing("show", f"{commit}:CHANGELOG.md"), version)
    except NoParser as missing:
        # A redeploy must not depend on an installed package.
        if not redeploy:
            raise
        print(f"CHANGELOG.md was not read: {missing}")
    output("commit", commit)
    if redeploy:
        output("staging", "not asked: a redeploy needs no proof by staging")
    elif staging:
        check_staging(staging, version, commit)
        output("staging", staging)


def main() -> None:
    parser = argparse.ArgumentParser("scripts/check-release", description=__doc__)
    parser.add_argument("version", metavar="VERSION", help="such as v1.2.3")
    parser.add_argument("--staging", metavar="URL", default="", help="empty: not asked")
    parser.add_argument("--redeploy", action="store_true", help="staging is not asked")
    args = parser.parse_args()
    run("scripts/check-release", lambda: check(args.version, args.staging, args.redeploy))


if __name__ == "__main__":
    main()
