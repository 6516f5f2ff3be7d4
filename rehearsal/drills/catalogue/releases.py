"""What a release must stop: each runs deploy-prod.yml, as for a tag or by its button."""

from __future__ import annotations

from rehearsal import events, local_aws, repository, stages
from rehearsal.drills import faults
from rehearsal.drills.courses import tag
from rehearsal.drills.drill import (
    APPROVE,
    CHECK_RELEASE,
    CHECK_TIME,
    DEPLOYED,
    FINDINGS,
    NOT_BEGUN,
    NOT_LOWER,
    NOT_MOVED,
    PRODUCTION,
    PROMOTE,
    After,
    Drill,
)
from rehearsal.drills.scene import Scene, rollback
from rehearsal.drills.tree import Tree
from rehearsal.errors import Failure
from rehearsal.places import API_PORT
from rehearsal.repository import git

REPOSITORIES = {"ECR_REPOSITORY": "myapp-production", "STAGING_ECR_REPOSITORY": "myapp-staging"}
FRIDAY = "2026-01-30 15:00:00"
FAKETIME = "/usr/local/lib/libfaketime.so.1"


def release_another(scene: Scene) -> None:
    """Let production's registry hold the version already, as another image."""
    version, old = scene.ground.version, scene.seen.before["production"].commit
    registry = f"localhost:{API_PORT}"
    password = local_aws.shell("aws", "ecr", "get-login-password")
    local_aws.shell("skopeo", "login", "--username=AWS", f"--password={password}", registry)
    local_aws.shell("scripts/promote-image", old, version, ECR_REGISTRY=registry, **REPOSITORIES)


def refuse(scene: Scene) -> None:
    """Answer no to the question that a rehearsal asks in place of GitHub's reviewers."""
    scene.on_main()
    try:
        stages.approve(scene.ground, yes=False, ask=lambda question: "n")
    except Failure as failure:
        scene.seen.failed.append(APPROVE)
        scene.seen.log = str(failure)
        return
    tag()(scene)


def redeploy_older(scene: Scene) -> None:
    """Release two versions, and run the workflow by its button with the first."""
    first = scene.ground
    local_aws.seed("production", first.version, first.merge)
    second = next_version(scene)
    for name in ("staging", "production"):
        local_aws.seed(name, second, scene.seen.commit)
    rollback("staging", "--revision", scene.seen.before["staging"].revision)
    repository.show(scene.seen.commit, "main")
    git("update-ref", "refs/remotes/origin/main", scene.seen.commit)
    scene.seen.also_pushed = {scene.seen.commit}
    scene.seen.commit = first.merge
    payload = events.by_hand(version=first.version)
    scene.run(PRODUCTION, "workflow_dispatch", payload, environment="production")
    ended = {one.version: one.outcome for one in reversed(local_aws.releases("production"))}
    if ended.get(second) != "rolled-back":
        scene.problem(f"/releases.json calls {second} {ended.get(second)}, and not rolled-back")


def release_lower(scene: Scene) -> None:
    """Let production run a higher version, and release the ground's, as an old run repeated."""
    higher = next_version(scene)
    local_aws.seed("staging", higher, scene.seen.commit)
    local_aws.seed("production", higher, scene.seen.commit)
    rollback("staging", "--revision", scene.seen.before["staging"].revision)
    scene.seen.also_pushed = {scene.seen.commit}
    tag()(scene)


def next_version(scene: Scene) -> str:
    """Make a change that is the next patch of the ground's version, and tag both."""
    major, minor, patch = scene.ground.version.removeprefix("v").split(".")
    version = f"{major}.{minor}.{int(patch) + 1}"

    def note(tree: Tree) -> None:
        tree.replace(
            "CHANGELOG.md",
            f"## [{scene.ground.version[1:]}]",
            f"## [{version}] - 2026-01-31\n\n- A drill.\n\n## [{scene.ground.version[1:]}]",
        )

    scene.make(note)
    for name, commit in (
        (scene.ground.version, scene.ground.merge),
        (f"v{version}", scene.seen.commit),
    ):
        git("tag", "--annotate", "--force", f"--message={name}", name, commit)
    return f"v{version}"


DRILLS = (
    Drill(
        "tag-without-patch",
        "A tag is v1.2.",
        CHECK_RELEASE,
        After(slack=NOT_BEGUN, says="'v1.2' is no version"),
        play=tag("v1.2"),
        environment="production",
        seconds=15,
    ),
    Drill(
        "tag-of-a-candidate",
        "A tag is v1.2.3-rc1, which the pattern of the workflow lets through.",
        CHECK_RELEASE,
        After(slack=NOT_BEGUN, says="'v1.2.3-rc1' is no version"),
        play=tag("v1.2.3-rc1"),
        environment="production",
        seconds=15,
    ),
    Drill(
        "tag-with-a-command",
        "A tag is a version, and then a command for the shell.",
        CHECK_RELEASE,
        After(slack=NOT_BEGUN, says="is no version"),
        play=tag("v1.2.3;touch${IFS}pwned;$(touch${IFS}pwned)"),
        environment="production",
        seconds=15,
    ),
    Drill(
        "tag-off-main",
        "A tag is on a commit that was never merged.",
        CHECK_RELEASE,
        After(slack=NOT_BEGUN, says="which is not on main"),
        play=tag(on="change"),
        environment="production",
        seconds=15,
    ),
    Drill(
        "tag-not-in-the-changelog",
        "The changelog has no section on the version.",
        CHECK_RELEASE,
        After(slack=NOT_BEGUN, says="CHANGELOG.md"),
        play=tag("v99.0.0"),
        environment="production",
        seconds=20,
    ),
    Drill(
        "approval-refused",
        "Nobody agrees to a release.",
        APPROVE,
        After(says="was not approved"),
        play=refuse,
        environment="production",
        seconds=10,
    ),
    Drill(
        "tag-not-on-staging",
        "A tag is on a commit that staging does not run.",
        CHECK_RELEASE,
        After(slack=NOT_BEGUN, says="staging runs"),
        play=tag(),
        environment="production",
        seconds=25,
    ),
    Drill(
        "friday-afternoon",
        "It is Friday, three in the afternoon.",
        CHECK_TIME,
        After(slack=NOT_BEGUN, says="it is Friday, 15:00 UTC"),
        variables={"ALLOW_FRIDAY_DEPLOY": ""},
        runner={"LD_PRELOAD": FAKETIME, "FAKETIME": FRIDAY},
        play=tag(),
        environment="production",
        staged=True,
        seconds=45,
    ),
    Drill(
        "rerun-of-an-old-release",
        "Somebody runs the release of a lower version again, whose checks passed then.",
        NOT_LOWER,
        After(runs="change", slack=NOT_MOVED, says="is a lower version"),
        play=release_lower,
        environment="production",
        staged=True,
        seconds=150,
    ),
    Drill(
        "severe-finding",
        "The registry's scan finds a critical vulnerability in the image, and there is a fix.",
        FINDINGS,
        After(slack=NOT_MOVED, says="severe findings have a fix: CRITICAL CVE-2099-0001"),
        given=faults.vulnerable,
        play=tag(),
        environment="production",
        staged=True,
        seconds=30,
    ),
    Drill(
        "tag-moved",
        "The version was released already, as another image: its tag was moved.",
        PROMOTE,
        After(slack=NOT_MOVED, says="is released, as sha256:"),
        given=release_another,
        play=tag(),
        environment="production",
        staged=True,
        seconds=25,
    ),
    Drill(
        "promotion-refused",
        "Production's registry refuses the image.",
        PROMOTE,
        After(slack=NOT_MOVED, says="skopeo could not copy"),
        when={
            PROMOTE.step: faults.aws(
                registry=True, method="POST", status=403, error="DENIED", times=99
            )
        },
        play=tag(),
        environment="production",
        staged=True,
        seconds=20,
    ),
    Drill(
        "good-release",
        "Nothing goes wrong: what staging runs is tagged.",
        None,
        After(runs="ground", slack=DEPLOYED),
        play=tag(),
        environment="production",
        staged=True,
        seconds=140,
    ),
    Drill(
        "older-version-by-hand",
        "Somebody runs the workflow by its button, with the version before.",
        None,
        After(runs="ground", slack=DEPLOYED),
        play=redeploy_older,
        environment="production",
        staged=True,
        instead="it is deployed, as a rollback",
        seconds=250,
    ),
)
