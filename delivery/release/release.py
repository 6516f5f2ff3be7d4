"""Release the present main in two steps, because only what staging runs may go to production.

The first run moves the unreleased section of CHANGELOG.md under the version, and pushes that commit
to main, which staging deploys. The second run, after that deploy, pushes the tag, which production
deploys. Nothing changes locally before origin has accepted it, so an interrupted run can be
repeated.
"""

from __future__ import annotations

import argparse
from datetime import date
from typing import NamedTuple

from delivery.changelog import UNRELEASED, Changelog, NoParser
from delivery.checkout import checkout
from delivery.command import confirm, run
from delivery.errors import Failure
from delivery.git import git, slug
from delivery.github.gh import gh
from delivery.release.changelog_section import section
from delivery.release.check_release import check_staging
from delivery.release.release_checks import (
    check_ci,
    check_clone,
    check_version,
    main_wants_pull_requests,
    staging_url,
)
from delivery.versions import is_version


class Options(NamedTuple):
    """The options of the command line."""

    yes: bool = False
    wait: bool = False
    ask_ci: bool = True
    pull_request: bool = False


def ask(question: str, options: Options) -> None:
    if not options.yes and not confirm(question):
        raise Failure("nothing was pushed, and this clone is unchanged")


def push(what: str, hint: str = "") -> None:
    try:
        git("push", "--quiet", "origin", what)
    except Failure as refused:
        raise Failure(f"origin refused the push, so nothing changed{hint}: {refused}") from None


# The changelog.


def has_entries(changelog: str) -> bool:
    """Return whether the unreleased section has any content besides headings."""
    try:
        return Changelog(changelog).has_entries(UNRELEASED)
    except NoParser:
        raise
    except Failure:
        return False


def with_version(changelog: str, version: str, day: date, url: str = "") -> str:
    """Return the changelog with the unreleased section under a version and its link."""
    text = Changelog(changelog).with_version(version, day, url)
    if not has_entries(changelog):
        raise Failure("CHANGELOG.md has nothing under [Unreleased]: describe the changes there")
    return text


# The two steps.


def prepare(version: str, commit: str, changelog: str, options: Options) -> str:
    """Push a commit that names the version to main, or to a branch; return the commit."""
    title, branch = f"chore(release): v{version}", f"release/v{version}"
    if options.pull_request and git("ls-remote", "origin", f"refs/heads/{branch}"):
        raise Failure(f"origin has {branch} already: merge its pull request, then git pull")
    origin = git("remote", "get-url", "origin")
    url = f"https://github.com/{slug()}/releases/tag/v{version}" if "github.com" in origin else ""
    text = with_version(changelog, version, date.today(), url)
    check_ci(commit, ask=options.ask_ci, wait=options.wait)
    with checkout(commit) as tree:
        (tree / "CHANGELOG.md").write_text(text)
        # Without hooks, whose programs are not in this working tree.
        git("commit", "--quiet", "--all", "--no-verify", f"--message={title}", folder=tree)
        made = git("rev-parse", "HEAD", folder=tree)
    print(git("show", made))
    if options.pull_request:
        ask(f"Push this to {branch}, and open a pull request?", options)
        push(f"{made}:refs/heads/{branch}")
        open_pull_request(version, branch, title)
    else:
        ask("Push this to main, which staging deploys?", options)
        push(f"{made}:refs/heads/main", " (if main is protected, use --pull-request)")
        git("merge", "--quiet", "--ff-only", made)
        print(f"origin's main is {made[:12]}, which staging deploys now.")
    return made


def open_pull_request(version: str, branch: str, title: str) -> None:
    body = f"Once it is merged: `git pull`, then `scripts/release {version}`."
    words = ("--base", "main", "--head", branch, "--title", title, "--body", body)
    try:
        print(gh("pr", "create", *words).strip())
    except Failure as failure:
        raise Failure(f"{branch} is pushed; open its pull request by hand: {failure}") from None


def tag(version: str, commit: str, changelog: str, options: Options) -> None:
    """Push the tag of the commit that staging runs, which production then deploys."""
    name = f"v{version}"
    if has_entries(changelog):
        raise Failure(
            f"CHANGELOG.md has new unreleased entries since {name} was prepared: move them under"
            f" [{version}] with a commit to main, and run this again"
        )
    check_ci(commit, ask=options.ask_ci, wait=options.wait)
    if url := staging_url(ask=options.ask_ci):
        check_staging(url, name, commit)
    else:
        print("Staging was not asked which commit it runs: STAGING_URL is not set.")
    print(f"{name} is {git('log', '-1', '--format=%h %s', commit)}\n\n{section(changelog, name)}\n")
    ask(f"Push the tag {name}, which production deploys?", options)
    git("tag", "--annotate", f"--message={name}", name, commit)
    try:
        push(f"refs/tags/{name}")
    except BaseException:
        git("tag", "--delete", name)
        raise
    print(f"{name} is tagged: deploy-prod.yml deploys it to production after somebody approves it.")


def release(word: str, options: Options) -> None:
    version = word.removeprefix("v")
    if not is_version(version):
        raise Failure(f"{word!r} is not a version such as 1.2.3")
    commit = check_clone()
    changelog = git("show", f"{commit}:CHANGELOG.md")
    check_version(version, changelog)
    if version not in Changelog(changelog).versions():
        if options.ask_ci and main_wants_pull_requests():
            options = options._replace(pull_request=True)
        commit = prepare(version, commit, changelog, options)
        if options.pull_request or not options.wait:
            where = "it is merged and " if options.pull_request else ""
            print(f"When {where}staging runs it, scripts/release {version} tags it.")
            return
        changelog = git("show", f"{commit}:CHANGELOG.md")
    tag(version, commit, changelog, options)


def main() -> None:
    parser = argparse.ArgumentParser("scripts/release", description=__doc__)
    parser.add_argument("version", metavar="VERSION", help="such as 1.2.3 or v1.2.3")
    parser.add_argument("--yes", action="store_true", help="push without asking")
    parser.add_argument(
        "--wait", action="store_true", help="wait for CI, and take both steps in one run"
    )
    parser.add_argument(
        "--pull-request",
        action="store_true",
        help="take the first step by a pull request (default if a ruleset of main requires one)",
    )
    parser.add_argument(
        "--without-ci", action="store_true", help="don't ask GitHub whether CI passed"
    )
    args = parser.parse_args()
    options = Options(args.yes, args.wait, not args.without_ci, args.pull_request)

    def act() -> None:
        try:
            release(args.version, options)
        except KeyboardInterrupt:
            raise Failure("interrupted. To continue, run this again") from None

    run("scripts/release", act)


if __name__ == "__main__":
    main()
