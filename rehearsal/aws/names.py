"""Names that resolve on any machine, without /etc/hosts and settings of Docker."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from docker.errors import NotFound
from docker.models.containers import Container, ContainerCollection
from ministack.services import alb, ecr
from ministack.services.cloudformation import provisioners, stacks

from rehearsal.aws import authorization, logins, settings
from rehearsal.aws.patches import replaces
from rehearsal.aws.records import Answer, Json

MINISTACKS = "ministack-"


def container_name(name: str) -> str:
    """Return the name that a container of ministack gets here."""
    prefix = f"{settings.PREFIX}-"
    return name if name.startswith(prefix) else prefix + name.removeprefix(MINISTACKS)


def ours(options: Json) -> Json:
    """Return a container's options with our name and label, and without a port of the host."""
    named = dict(options)
    if named.get("name"):
        named["name"] = container_name(named["name"])
    named["labels"] = {**(named.get("labels") or {}), settings.PREFIX: "1"}
    # Containers talk over the network; a published port could collide with one of the machine's.
    named.pop("ports", None)
    return named


@replaces(ContainerCollection, "create")
def create(
    original: Callable[..., Container],
    self: ContainerCollection,
    image: str,
    *words: Any,
    **named: Any,
) -> Container:
    """Every container that is made here can be told from others, and removed without them."""
    return original(self, image, *words, **ours(named))


@replaces(ContainerCollection, "run")
def run(
    original: Callable[..., Container],
    self: ContainerCollection,
    image: str,
    *words: Any,
    **named: Any,
) -> Container:
    """As above: docker's `run` makes containers by another way than `create`."""
    return original(self, image, *words, **ours(named))


@replaces(ContainerCollection, "get")
def get(original: Callable[..., Container], self: ContainerCollection, name: str) -> Container:
    """ministack looks for its containers under the names that it gave them."""
    try:
        return original(self, name)
    except NotFound:
        if not name.startswith(MINISTACKS):
            raise
        return original(self, container_name(name))


def balancer_host(name: str) -> str:
    return f"{name.lower()}.{settings.BALANCERS}"


@replaces(provisioners, "_elbv2_load_balancer_create")
def balancer_of_a_template(
    original: Callable[..., tuple[str, Json]], logical: str, properties: Json, stack: str
) -> tuple[str, Json]:
    """AWS makes up a public DNS name, which here would lead nowhere."""
    arn, attributes = original(logical, properties, stack)
    record = alb._lbs[arn]
    record["DNSName"] = attributes["DNSName"] = balancer_host(record["LoadBalancerName"])
    return arn, attributes


@replaces(stacks, "_resolve_stack_outputs")
def outputs_of_a_stack(
    original: Callable[..., tuple[list[Json], Json]], *words: Any
) -> tuple[list[Json], Json]:
    """On AWS a load balancer has port 80, which here can be another one on this machine."""
    outputs, exports = original(*words)
    for output in outputs:
        output["OutputValue"] = with_port(output["OutputValue"])
    return outputs, exports


def with_port(text: str) -> str:
    """Return the address of a load balancer with the port that leads to it; other text as it is."""
    is_address = text.startswith("http://") and text.endswith(f".{settings.BALANCERS}")
    return f"{text}:{settings.WEB_PORT}" if is_address and settings.WEB_PORT != 80 else text


@replaces(alb, "_create_lb")
def balancer_of_the_api(original: Callable[..., Answer], parameters: Json) -> Answer:
    """As above, for CreateLoadBalancer."""
    known = set(alb._lbs.keys())
    answer = original(parameters)
    new: Iterable[str] = set(alb._lbs.keys()) - known
    for arn in new:
        record = alb._lbs[arn]
        record["DNSName"] = balancer_host(record["LoadBalancerName"])
        members = f"<LoadBalancers>{alb._lb_xml(record)}</LoadBalancers>"
        answer = alb._xml(200, "CreateLoadBalancer", members)
    return answer


@replaces(alb, "_target_group_full_name_from_arn")
def target_group_full_name(original: Callable[[str], str], arn: str) -> str:
    """AWS's TargetGroupFullName is what CloudWatch calls it; ministack's lacks targetgroup/."""
    return arn.rpartition(":")[2]


@replaces(ecr, "_repo_uri")
def repository_uri(original: Callable[[str], str], name: str) -> str:
    """AWS: ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME, a name that here nobody resolves."""
    return f"{settings.REGISTRY}/{name}"


@replaces(ecr, "_get_authorization_token")
def authorization_token(original: Callable[[Json], Answer], data: Json) -> Answer:
    """AWS's own host, again; amazon-ecr-login takes the registry's name from proxyEndpoint.

    AWS's token has the permissions of its caller; ministack's is the same for everybody.
    """
    status, headers, body = original(data)
    token = json.loads(body)
    token["authorizationData"][0]["proxyEndpoint"] = f"http://{settings.REGISTRY}"
    token["authorizationData"][0]["authorizationToken"] = logins.issue(authorization.caller())
    return status, headers, json.dumps(token).encode()
