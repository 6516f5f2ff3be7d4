"""Wait until environments are stable, and restore what they ran before a drill."""

from __future__ import annotations

import time
from collections.abc import Mapping

from rehearsal import local_aws
from rehearsal.drills import states
from rehearsal.drills.states import EnvironmentState
from rehearsal.errors import Failure
from rehearsal.ports import url

# An environment that is not stable within this is stuck: a slow machine takes a tenth of it.
STABLE_SECONDS = 900


def wait_until_stable() -> None:
    """Wait until both environments are stable and ready; the assertions name one that is not."""
    deadline = time.monotonic() + STABLE_SECONDS
    while time.monotonic() < deadline:
        found = states.environments(deep=False)
        if all(state.stable and state.ready for state in found.values()):
            return
        time.sleep(0.5)


def wait_until_staging_moves(before: EnvironmentState) -> None:
    """Wait until staging's service runs a different revision than before the drill."""
    deadline = time.monotonic() + STABLE_SECONDS
    while states.environment("staging", deep=False).revision == before.revision:
        if time.monotonic() > deadline:
            raise Failure(f"staging kept revision {before.revision} for {STABLE_SECONDS} s")
        time.sleep(0.5)


def return_environments(before: Mapping[str, EnvironmentState], *, released: bool) -> list[str]:
    """Roll back each environment to its revision before; return a problem for each that failed."""
    for name, state in before.items():
        if states.environment(name, deep=False).revision != state.revision:
            rollback(name, "--revision", state.revision)
    if released:
        withdraw_release(before["production"])
    wait_until_stable()
    problems = []
    for name, state in before.items():
        now = states.environment(name, deep=False)
        if not (now.ready and now.stable and now.commit == state.commit):
            problems.append(f"the cleanup could not return {name} to {state.commit[:12]}")
    return problems


def rollback(environment: str, *words: str) -> str:
    """Run scripts/rollback without its question, and return its output."""
    return local_aws.shell(
        "scripts/rollback", environment, *words, "--yes", APP_URL=url(environment)
    )


def withdraw_release(before: EnvironmentState) -> None:
    """Delete production's new images, because the next drills release the same version again."""
    new = states.environment("production", deep=True).tags - before.tags
    if new:
        local_aws.shell(
            *("aws", "ecr", "batch-delete-image", "--repository-name", "myapp-production"),
            *("--image-ids", *(f"imageTag={tag}" for tag in sorted(new))),
        )
