"""All drills, in the order in which a change meets their gates."""

from . import checks, deploys, releases, undo, upkeep

DRILLS = (*checks.DRILLS, *deploys.DRILLS, *undo.DRILLS, *upkeep.DRILLS, *releases.DRILLS)
