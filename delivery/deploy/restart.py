"""Replace every task of a service by one of the same revision, such as for a new secret."""

from __future__ import annotations

from delivery.aws.ecs import Service, primary
from delivery.deploy.addresses import Addresses
from delivery.deploy.revisions import History
from delivery.deploy.verify_deployment import verify
from delivery.deploy.worker import restart_worker


def restart(service: Service, environment: str, seconds: float, *, alarms: bool = True) -> None:
    """Replace the tasks, also the worker's, and wait until /health/ is ready on the new ones."""
    running = primary(service.settled())["taskDefinition"]
    service.wait(service.move(running, "--force-new-deployment", alarms=alarms), seconds)
    history = History(service.aws, f"myapp-{environment}-task")
    commit = history.at(history.number(running)).commit
    url = Addresses.of(service, environment).url
    verify(url, commit, min(seconds, 120), service.aws.seconds, environment=environment)
    restart_worker(service, seconds)
