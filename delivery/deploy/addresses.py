"""Where an environment answers: its URL, and its load balancer, which no wrong URL hides."""

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
    """The URL that people use, and what the stack of the load balancer says."""

    url: str
    source: str  # what to correct where the URL leads elsewhere
    stack_url: str = ""
    balancer: str = ""

    @classmethod
    def of(cls, service: Service, environment: str) -> Addresses:
        """Return them from $APP_URL and from the stack; one of the two must give the URL."""
        configured = os.environ.get("APP_URL", "").strip()
        source = f"APP_URL of {environment}"
        try:
            url, balancer = read_stack(service, f"myapp-{environment}-load-balancer")
        except Failure as failure:
            if not configured:
                raise Failure(f"{source} is not set, and AWS does not tell it: {failure}") from None
            print(f"Only APP_URL is known, and not the load balancer: {failure}")
            return cls(configured, source)
        if not configured:
            source = f"the DNS record of {urlsplit(url).hostname}"
        return cls(configured or url, source, url, balancer)

    def balancer_for(self, revision: Revision) -> Site | None:
        """Return the load balancer as a site, under a host name that the revision answers to."""
        if not self.balancer:
            return None
        # An older revision may not allow the domain that the stack has now.
        hosts = [host.strip().lstrip(".") for host in revision.variable("ALLOWED_HOSTS").split(",")]
        allowed = urlsplit(self.stack_url).hostname in hosts
        return Site(self.stack_url, self.balancer, "" if allowed else hosts[0])


def read_stack(service: Service, stack: str) -> tuple[str, str]:
    """Return the URL that infra/ made, and the load balancer's own name."""
    answer = service.aws("cloudformation", "describe-stacks", "--stack-name", stack)
    found = {o["OutputKey"]: str(o["OutputValue"]) for o in answer["Stacks"][0].get("Outputs", [])}
    try:
        return found["Url"], found["LoadBalancerDnsName"]
    except KeyError as missing:
        raise Failure(f"the stack {stack} has no output {missing}") from None
