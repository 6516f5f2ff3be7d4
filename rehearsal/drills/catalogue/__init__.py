"""All drills, in the order in which a change reaches their gates."""

from . import checks, deploys, maintenance, releases, rollbacks

DRILLS = (
    *checks.DRILLS,
    *deploys.DRILLS,
    *rollbacks.DRILLS,
    *maintenance.DRILLS,
    *releases.DRILLS,
)
