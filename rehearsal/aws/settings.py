"""Settings from the environment of the container."""

from __future__ import annotations

import os
from pathlib import Path

# The registry, as Docker on the host calls it: it takes the loopback's registries over plain HTTP.
REGISTRY = os.environ.get("REHEARSAL_REGISTRY", "localhost:4566")
# What follows a load balancer's name; browsers and curl resolve *.localhost to the loopback.
BALANCERS = os.environ.get("REHEARSAL_BALANCERS", "elb.localhost")
# The network that every container is on, what their names begin with, and their label.
NETWORK = os.environ.get("DOCKER_NETWORK", "rehearsal")
PREFIX = os.environ.get("REHEARSAL_PREFIX", "rehearsal")
# Where pushed layers are kept.
BLOBS = Path(os.environ.get("REHEARSAL_BLOBS", "/var/lib/rehearsal/blobs"))
# How many of CloudWatch's seconds pass in one of ours.
CLOCK = float(os.environ.get("REHEARSAL_CLOCK", "1"))
