"""Application Auto Scaling for ECS: a target that is registered is brought into its range at once.

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html
Nothing scales after that: the policies have no effect here.
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
    """Change how many tasks a service has, where that is outside of the range."""
    _, cluster, name = resource.split("/")
    service = ecs._services.get(f"{cluster}/{name}")
    if service is None or service["status"] != "ACTIVE":
        return
    wanted = max(least, min(most, int(service["desiredCount"])))
    if wanted != service["desiredCount"]:
        ecs._update_service({"cluster": cluster, "service": name, "desiredCount": wanted})
