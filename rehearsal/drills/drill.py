"""A drill: what goes wrong, the gate that must stop it, and what must be true afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rehearsal.drills.scene import Scene
    from rehearsal.drills.tree import Tree

# Changes files of the scratch repository, and may commit in between.
Edit = Callable[["Tree"], None]
# Does something to what runs; registers at the scene how that is undone.
Injection = Callable[["Scene"], None]
Play = Callable[["Scene"], object]

# What ran before, the drill's change, or what the change is made on.
Runs = Literal["before", "change", "ground"]


@dataclass(frozen=True)
class Gate:
    """A step of a workflow: file, job, name."""

    workflow: str
    job: str
    step: str

    def __str__(self) -> str:
        return f"{self.job}: {self.step}"


@dataclass(frozen=True)
class After:
    """What must be true once a run is over; without anything else, nothing has changed."""

    runs: Runs = "before"
    pushed: bool = False  # whether staging's registry has got the change's image
    migrated: tuple[str, ...] = ()  # migrations that are applied now, and weren't
    slack: str = ""  # part of what Slack heard; without it, nothing
    says: str = ""  # part of what the run printed
    loses: bool = False  # whether requests may be lost: the old version can't answer them either


@dataclass(frozen=True)
class Drill:
    """One case. What `given` and `when` do, they undo; what ships is rolled back."""

    name: str
    fault: str
    gate: Gate | None  # without one, nothing may stop it
    after: After = After()
    change: Edit | None = None
    given: Injection | None = None  # before the run
    when: Mapping[str, Injection] = field(default_factory=dict)  # as a step of this name begins
    variables: Mapping[str, str] = field(default_factory=dict)  # GitHub's, for the environment
    secrets: Mapping[str, str] = field(default_factory=dict)  # GitHub's; empty, it has none
    environment: str = "staging"  # which one it is about
    instead: str = "it ships"  # what becomes of it where nothing stops it
    staged: bool = False  # whether staging has to run what the change is made on
    runner: Mapping[str, str] = field(default_factory=dict)  # variables of the runner itself
    play: Play | None = None  # another course than the one run of the gate's workflow
    seconds: int = 60  # how long it takes, about
    unless: Callable[[], str] = str  # why it can't be run here; nothing where it can


TEST, STAGING, PRODUCTION = "test.yml", "deploy-staging.yml", "deploy-prod.yml"


def lint(step: str) -> Gate:
    return Gate(TEST, "lint", step)


def service(step: str) -> Gate:
    return Gate(TEST, "test", step)


def security(step: str) -> Gate:
    return Gate(TEST, "security", step)


NOT_OLDER = Gate(STAGING, "deploy", "Check what runs")
BUILD = Gate(STAGING, "deploy", "Build, tag, and push image to ECR")
MIGRATE = Gate(STAGING, "deploy", "Run database migrations")
DEPLOY = Gate(STAGING, "deploy", "Deploy to ECS")
VERIFY = Gate(STAGING, "deploy", "Verify deployment")
WATCH = Gate(STAGING, "deploy", "Watch deployment")
CHECK_RELEASE = Gate(PRODUCTION, "check", "Extract version from tag")
CHECK_TIME = Gate(PRODUCTION, "check", "Check day and hour")
NOT_LOWER = Gate(PRODUCTION, "deploy", "Check what runs")
FINDINGS = Gate(PRODUCTION, "deploy", "Check image findings")
PROMOTE = Gate(PRODUCTION, "deploy", "Promote image")

# The rehearsal asks what GitHub's environment asks its reviewers.
APPROVE = Gate(PRODUCTION, "deploy", "approval")

NOT_BEGUN = "NOT DEPLOYED: check failed"
NOT_MOVED = "FAILED before the service moved: what ran before still runs"
ROLLED_BACK = "FAILED and rolled back: what ran before runs again"
# Seen at the load balancer, and not at APP_URL.
ROLLED_BACK_UNSEEN = "FAILED and rolled back, as ECS and the load balancer say, but "
DEPLOYED = "deployed"
