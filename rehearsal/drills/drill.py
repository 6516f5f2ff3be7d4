"""A drill: a fault, the gate that must stop it, and what must be true afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from rehearsal.drills.context import Injection, Scenario
from rehearsal.drills.setup import Setup
from rehearsal.drills.worktree import Edit

# The version that ran before, the drill's change, or the baseline of the change.
Version = Literal["before", "change", "baseline"]

NOT_BEGUN = "NOT DEPLOYED: check failed"
NOT_MOVED = "FAILED before the service moved: the previous version still runs"
ROLLED_BACK = "FAILED and rolled back: the previous version runs again"
# The load balancer confirms the rollback, but APP_URL does not.
ROLLED_BACK_UNSEEN = "FAILED and rolled back, confirmed by ECS and the load balancer, but "
DEPLOYED = "deployed"


@dataclass(frozen=True)
class After:
    """The required result of a run; by default nothing has changed."""

    runs: Version = "before"
    pushed: bool = False  # staging's registry has the change's image
    migrated: tuple[str, ...] = ()  # migrations that were applied
    slack: str = ""  # a part of Slack's message; empty: no message
    says: str = ""  # a part of the run's output
    loses: bool = False  # requests may be lost, as the old version can't answer them either


# The required results of most deploys to staging.
SHIPPED = After(runs="change", pushed=True, slack=DEPLOYED)
not_moved = partial(After, pushed=True, slack=NOT_MOVED)
rolled_back = partial(After, pushed=True, slack=ROLLED_BACK)


@dataclass(frozen=True)
class Drill(Setup):
    """A drill. Its cleanup removes the faults of `given` and `when`, and rolls back its change."""

    after: After = After()
    change: Edit | None = None
    given: Injection | None = None  # before the run
    when: Mapping[str, Injection] = field(default_factory=dict)  # as a step of this name begins
    instead: str = "it ships"  # the outcome if nothing stops it
    staged: bool = False  # staging must run the baseline first
    scenario: Scenario | None = None  # other than one run of the gate's workflow
    seconds: int = 60  # the usual duration
    unless: Callable[[], str] = str  # returns why it cannot run here, or an empty text
