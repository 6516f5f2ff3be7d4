"""Addresses of an environment: its URL, and the load balancer that the stack names."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from delivery.aws.ecs import Service
from delivery.deploy.revisions import Revision
from delivery.deploy.verify_deployment import Site
from delivery.errors import Failure


@dataclass(frozen=True)
class Addresses:
    """The URL that people use, and the load balancer from the stack."""

    url: str
    source: str  # what to correct if the URL leads elsewhere
    stack_url: str = ""
    balancer: str = ""

    @classmethod
    def of(cls, service: Service, environment: str) -> Addresses:
        """Return the addresses from $APP_URL and the stack; raise Failure if none has the URL."""
        configured = os.environ.get("APP_URL", "").strip()
        source = f"APP_URL of {environment}"
        try:
            url, balancer = read_stack(service, f"myapp-{environment}-load-balancer")
        except Failure as failure:
            if not configured:
                raise Failure(f"{source} is neither set nor in AWS: {failure}") from None
            print(f"The load balancer's address is unknown, so only APP_URL is used: {failure}")
            return cls(configured, source)
        if not configured:
            source = f"the DNS record of {urlsplit(url).hostname}"
        return cls(configured or url, source, url, balancer)

    def balancer_for(self, revision: Revision) -> Site | None:
        """Return the load balancer as a site, with a host name that the revision allows."""
        if not self.balancer:
            return None
        # An older revision may not allow the domain that the stack has now.
        hosts = [host.strip().lstrip(".") for host in revision.variable("ALLOWED_HOSTS").split(",")]
        allowed = urlsplit(self.stack_url).hostname in hosts
        return Site(self.stack_url, self.balancer, "" if allowed else hosts[0])


def read_stack(service: Service, stack: str) -> tuple[str, str]:
    """Return the URL from infra/, and the load balancer's own name."""
    answer = service.aws("cloudformation", "describe-stacks", "--stack-name", stack)
    found = {o["OutputKey"]: str(o["OutputValue"]) for o in answer["Stacks"][0].get("Outputs", [])}
    try:
        return found["Url"], found["LoadBalancerDnsName"]
    except KeyError as missing:
        raise Failure(f"the stack {stack} has no output {missing}") from None
