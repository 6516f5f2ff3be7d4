"""Settings from the environment of the container."""

from __future__ import annotations

import os
from pathlib import Path

# The registry's name for Docker, which uses plain HTTP for registries on the loopback.
REGISTRY = os.environ.get("REHEARSAL_REGISTRY", "localhost:4566")
# The port of the load balancers on this machine.
WEB_PORT = int(os.environ.get("REHEARSAL_WEB_PORT", "80"))
# The domain of load balancers; browsers and curl resolve *.localhost to the loopback.
BALANCERS = os.environ.get("REHEARSAL_BALANCERS", "elb.localhost")
# The keys of whoever may do everything.
ADMINISTRATOR = {
    "AWS_ACCESS_KEY_ID": "AKIAREHEARSAL",
    "AWS_SECRET_ACCESS_KEY": "rehearsal-secret-key",
}
# The network of all containers, the prefix of their names, and their label.
NETWORK = os.environ.get("DOCKER_NETWORK", "rehearsal")
PREFIX = os.environ.get("REHEARSAL_PREFIX", "rehearsal")
# Where pushed layers are kept.
BLOBS = Path(os.environ.get("REHEARSAL_BLOBS", "/var/lib/rehearsal/blobs"))
# CloudWatch's seconds per real second.
CLOCK = float(os.environ.get("REHEARSAL_CLOCK", "1"))
