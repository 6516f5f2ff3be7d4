"""All drills, in the order in which a change meets their gates."""

from . import checks, deploys, releases, undo

DRILLS = (*checks.DRILLS, *deploys.DRILLS, *undo.DRILLS, *releases.DRILLS)
