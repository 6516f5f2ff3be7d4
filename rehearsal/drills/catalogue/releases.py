"""Drills of deploy-prod.yml, which runs as for a tag or by hand."""

from __future__ import annotations

from functools import partial

from rehearsal import events, local_aws, ports, repository, stages
from rehearsal.drills import faults
from rehearsal.drills.context import DrillContext
from rehearsal.drills.drill import DEPLOYED, NOT_BEGUN, NOT_MOVED, After, Drill
from rehearsal.drills.gates import (
    APPROVE,
    CHECK_RELEASE,
    CHECK_TIME,
    FINDINGS,
    NOT_LOWER,
    PRODUCTION,
    PROMOTE,
)
from rehearsal.drills.restore import rollback
from rehearsal.drills.scenarios import tag
from rehearsal.drills.worktree import Worktree
from rehearsal.errors import Failure
from rehearsal.repository import git

REPOSITORIES = {"ECR_REPOSITORY": "myapp-production", "STAGING_ECR_REPOSITORY": "myapp-staging"}
FRIDAY = "2026-01-30 15:00:00"
FAKETIME = "/usr/local/lib/libfaketime.so.1"


def release_another(context: DrillContext) -> None:
    """Put another image into production's registry under the version."""
    version, old = context.baseline.version, context.observation.before["production"].commit
    registry = ports.registry()
    password = local_aws.shell("aws", "ecr", "get-login-password")
    local_aws.shell("skopeo", "login", "--username=AWS", f"--password={password}", registry)
    local_aws.shell("scripts/promote-image", old, version, ECR_REGISTRY=registry, **REPOSITORIES)


def refuse(context: DrillContext) -> None:
    """Answer no to the question that replaces the approval of GitHub's reviewers."""
    context.on_main()
    try:
        stages.approve(context.baseline, yes=False, ask=lambda question: "n")
    except Failure as failure:
        context.observation.failed.append(APPROVE)
        context.observation.log = str(failure)
        return
    tag()(context)


def redeploy_older(context: DrillContext) -> None:
    """Release two versions, and run the workflow by hand with the first."""
    first = context.baseline
    local_aws.seed("production", first.version, first.merge)
    second = next_version(context)
    for name in ("staging", "production"):
        local_aws.seed(name, second, context.observation.commit)
    rollback("staging", "--revision", context.observation.before["staging"].revision)
    repository.show(context.observation.commit, "main")
    git("update-ref", "refs/remotes/origin/main", context.observation.commit)
    context.observation.also_pushed = {context.observation.commit}
    context.observation.commit = first.merge
    payload = events.by_hand(version=first.version)
    context.run(PRODUCTION, "workflow_dispatch", payload, environment="production")
    ended = {one.version: one.outcome for one in reversed(local_aws.releases("production"))}
    if ended.get(second) != "rolled-back":
        context.problem(f"/releases.json calls {second} {ended.get(second)}; expected: rolled-back")


def release_lower(context: DrillContext) -> None:
    """Let production run a higher version, and release the baseline, like a repeated old run."""
    higher = next_version(context)
    local_aws.seed("staging", higher, context.observation.commit)
    local_aws.seed("production", higher, context.observation.commit)
    rollback("staging", "--revision", context.observation.before["staging"].revision)
    context.observation.also_pushed = {context.observation.commit}
    tag()(context)


def next_version(context: DrillContext) -> str:
    """Commit a change with the next patch version, and tag both versions."""
    major, minor, patch = context.baseline.version.removeprefix("v").split(".")
    version = f"{major}.{minor}.{int(patch) + 1}"

    def note(worktree: Worktree) -> None:
        worktree.replace(
            "CHANGELOG.md",
            f"## [{context.baseline.version[1:]}]",
            f"## [{version}] - 2026-01-31\n\n- A drill.\n\n## [{context.baseline.version[1:]}]",
        )

    context.make(note)
    for name, commit in (
        (context.baseline.version, context.baseline.merge),
        (f"v{version}", context.observation.commit),
    ):
        git("tag", "--annotate", "--force", f"--message={name}", name, commit)
    return f"v{version}"


# A drill that tags its baseline, unless it has another scenario.
production = partial(Drill, environment="production", scenario=tag())
# The same, once staging runs the baseline.
staged = partial(production, staged=True)

DRILLS = (
    production(
        "tag-without-patch",
        "A tag is v1.2, without a patch number.",
        CHECK_RELEASE,
        After(slack=NOT_BEGUN, says="'v1.2' is not a version"),
        scenario=tag("v1.2"),
        seconds=15,
    ),
    production(
        "tag-of-a-candidate",
        "A tag is v1.2.3-rc1, which matches the pattern of the workflow.",
        CHECK_RELEASE,
        After(slack=NOT_BEGUN, says="'v1.2.3-rc1' is not a version"),
        scenario=tag("v1.2.3-rc1"),
        seconds=15,
    ),
    production(
        "tag-with-a-command",
        "A tag is a version followed by a shell command.",
        CHECK_RELEASE,
        After(slack=NOT_BEGUN, says="is not a version"),
        scenario=tag("v1.2.3;touch${IFS}pwned;$(touch${IFS}pwned)"),
        seconds=15,
    ),
    production(
        "tag-off-main",
        "A tag is on a commit that was never merged.",
        CHECK_RELEASE,
        After(slack=NOT_BEGUN, says="which is not on main"),
        scenario=tag(on="unmerged"),
        seconds=15,
    ),
    production(
        "tag-not-in-the-changelog",
        "The changelog has no section for the version.",
        CHECK_RELEASE,
        After(slack=NOT_BEGUN, says="CHANGELOG.md"),
        scenario=tag("v99.0.0"),
        seconds=20,
    ),
    production(
        "approval-refused",
        "Nobody approves a release.",
        APPROVE,
        After(says="was not approved"),
        scenario=refuse,
        seconds=10,
    ),
    production(
        "tag-not-on-staging",
        "A tag is on a commit that staging does not run.",
        CHECK_RELEASE,
        After(slack=NOT_BEGUN, says="staging runs"),
        scenario=tag(on="merged"),
        seconds=25,
    ),
    staged(
        "friday-afternoon",
        "Somebody releases a version on a Friday at 15:00 UTC.",
        CHECK_TIME,
        After(slack=NOT_BEGUN, says="it is Friday, 15:00 UTC"),
        variables={"ALLOW_FRIDAY_DEPLOY": ""},
        runner={"LD_PRELOAD": FAKETIME, "FAKETIME": FRIDAY},
        seconds=45,
    ),
    staged(
        "rerun-of-an-old-release",
        "Somebody repeats the release of a lower version whose checks passed.",
        NOT_LOWER,
        After(runs="change", slack=NOT_MOVED, says="is a lower version"),
        scenario=release_lower,
        seconds=150,
    ),
    staged(
        "severe-finding",
        "The registry's scan finds a critical vulnerability with a fix in the image.",
        FINDINGS,
        After(slack=NOT_MOVED, says="severe findings have a fix: CRITICAL CVE-2099-0001"),
        given=faults.vulnerable,
        seconds=30,
    ),
    staged(
        "tag-moved",
        "The version already exists with another image: its tag was moved.",
        PROMOTE,
        After(slack=NOT_MOVED, says="already exists with digest sha256:"),
        given=release_another,
        seconds=25,
    ),
    staged(
        "promotion-refused",
        "Production's registry refuses the image.",
        PROMOTE,
        After(slack=NOT_MOVED, says="skopeo could not copy"),
        when={
            PROMOTE.step: faults.aws(
                registry=True, method="POST", status=403, error="DENIED", times=99
            )
        },
        seconds=20,
    ),
    staged(
        "good-release",
        "No fault: the commit that staging runs gets a tag.",
        None,
        After(runs="baseline", slack=DEPLOYED),
        seconds=140,
    ),
    staged(
        "older-version-by-hand",
        "Somebody runs the workflow by hand with the previous version.",
        None,
        After(runs="baseline", slack=DEPLOYED),
        scenario=redeploy_older,
        instead="it is deployed, as a rollback",
        seconds=250,
    ),
)
