"""The inputs of a drill's workflow runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rehearsal.drills.gates import MIGRATE, VERIFY, Gate


@dataclass(frozen=True)
class Setup:
    """The name of a drill, its fault and gate, and the values that its runs get."""

    name: str
    fault: str
    gate: Gate | None  # without a gate, no step may stop the change
    environment: str = field(default="staging", kw_only=True)
    # Variables of GitHub's environment, its secrets (empty: none), and the runner's own variables.
    variables: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    secrets: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    runner: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    variables_of: str = field(default="", kw_only=True)  # another environment, by mistake

    def limits(self) -> dict[str, str]:
        """Return a short limit for the step that must fail; other steps keep the usual limits.

        On a slow machine, a step without a fault could exceed a short limit.
        """
        short = {MIGRATE: {"MIGRATE_SECONDS": "15"}, VERIFY: {"VERIFY_SECONDS": "6"}}
        return short.get(self.gate, {}) if self.gate else {}
