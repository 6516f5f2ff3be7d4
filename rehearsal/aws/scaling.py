"""Application Auto Scaling for ECS: registering a target brings its service into the range at once.

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html
After that, nothing scales: the policies have no effect.
"""

from __future__ import annotations

from ministack.services import ecs

from rehearsal.aws.records import Json


def register(logical: str, properties: Json, stack: str) -> tuple[str, Json]:
    resource = str(properties["ResourceId"])
    bring_into_range(resource, int(properties["MinCapacity"]), int(properties["MaxCapacity"]))
    return f"{resource}|ecs:service:DesiredCount|ecs", {}


def update(physical: str, old: Json, new: Json, stack: str) -> tuple[str, Json]:
    return register("", new, stack)


def bring_into_range(resource: str, least: int, most: int) -> None:
    """Change the number of a service's tasks if it is outside of the range."""
    _, cluster, name = resource.split("/")
    service = ecs._services.get(f"{cluster}/{name}")
    if service is None or service["status"] != "ACTIVE":
        return
    wanted = max(least, min(most, int(service["desiredCount"])))
    if wanted != service["desiredCount"]:
        ecs._update_service({"cluster": cluster, "service": name, "desiredCount": wanted})
