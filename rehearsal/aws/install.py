"""Install all patches of ministack, and start the threads beside it.

To import the modules is to register their patches.
"""

from __future__ import annotations

from ministack import app

from rehearsal.aws import (  # noqa: F401
    alarms,
    authorization,
    cloudwatch,
    containers,
    databases,
    deployments,
    logins,
    names,
    patches,
    restores,
    router,
    scheduler,
    templates,
)
from rehearsal.aws.metrics import collector
from rehearsal.aws.targets import targets


def install() -> None:
    patches.apply()
    templates.add_types()
    deployments.add_actions()
    restores.add_actions()


def serve() -> None:
    """Serve until the process is stopped."""
    logins.log_in_docker()
    targets.start()
    scheduler.start()
    collector.start()
    alarms.start()
    app.main()
