"""All drills, in the order in which a change meets their gates."""

from . import checks, deploys

DRILLS = (*checks.DRILLS, *deploys.DRILLS)
