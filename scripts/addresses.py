"""Where an environment answers: its URL, and its load balancer, which no wrong URL hides."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from scripts.aws import Failure
from scripts.ecs import Service
from scripts.revisions import Revision
from scripts.verify_deployment import Site


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
        stack = f"myapp-{environment}-load-balancer"
        try:
            answer = service.aws("cloudformation", "describe-stacks", "--stack-name", stack)
            outputs = {
                o["OutputKey"]: str(o["OutputValue"])
                for o in answer["Stacks"][0].get("Outputs", [])
            }
            if not {"Url", "LoadBalancerDnsName"} <= outputs.keys():
                raise Failure(f"the stack {stack} says no Url: scripts/deploy-infra {environment}")
        except Failure as failure:
            if not configured:
                raise Failure(
                    f"APP_URL is not set, and no other address is known: {failure}"
                ) from None
            print(f"The load balancer is not known, only APP_URL: {failure}")
            return cls(configured, f"APP_URL of {environment}")
        url, balancer = outputs["Url"], outputs["LoadBalancerDnsName"]
        if configured:
            return cls(configured, f"APP_URL of {environment}", url, balancer)
        return cls(url, f"the DNS record of {urlsplit(url).hostname}", url, balancer)

    def balancer_for(self, revision: Revision) -> Site | None:
        """Return the load balancer as a site, under a host name that the revision answers to."""
        if not self.balancer:
            return None
        # An older revision may not allow the domain that the stack has now.
        hosts = [host.strip().lstrip(".") for host in revision.variable("ALLOWED_HOSTS").split(",")]
        allowed = urlsplit(self.stack_url).hostname in hosts
        return Site(self.stack_url, self.balancer, "" if allowed else hosts[0])
