"""gunicorn for one task of 0.5 to 2 vCPU behind an AWS load balancer."""

import os
import resource
from pathlib import Path

from django.conf import settings
from gunicorn.workers.base import Worker
from gunicorn.workers.gthread import ThreadWorker

from myproject import logs
from myproject.access_log import AccessLog
from myproject.settings import environment
from myproject.startup import one_line_errors

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "myproject.settings.production")
env = environment.reader()

# Loaded once and shared: a worker starts at once and costs little memory.
preload_app = True
wsgi_app = "myproject.wsgi"

# Two processes use 2 vCPU, and one answers while the other is replaced. With threads, liveness is
# answered while the database hangs.
workers = env.int("WEB_WORKERS", 2, validate=environment.positive)
threads = env.int("WEB_THREADS", 4, validate=environment.positive)
# A slow client delays nobody else. It is set because gunicorn chooses another class for one thread.
worker_class = "myproject.server.worker.Worker"

# A connection may need a second file descriptor, for the file that it is sent.
worker_connections = min(1000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 3)

# A worker whose main thread is stuck is replaced. Requests run in other threads: this is no limit.
timeout = 30

# ECS sends SIGKILL 30 s after SIGTERM: requests in flight must be done by then.
graceful_timeout = 25

# Longer than the load balancer's 60 s, or it sends a request into a connection that is closing.
keepalive = 75

# A memory leak ends with its process. The jitter prevents that all workers end together.
max_requests = 50_000
max_requests_jitter = 10_000

# Django reads the client's address and scheme from headers; no client may set gunicorn's own.
forwarded_allow_ips = ""

# The heartbeat is a file, and writing it to a busy disk would block.
memory = Path("/dev/shm")  # noqa: S108
worker_tmp_dir = str(memory) if memory.is_dir() else None
control_socket_disable = True

logger_class = AccessLog
logconfig_dict = logs.config(
    env.str("LOG_FORMAT", "json", validate=logs.check_format),
    env.str("LOG_LEVEL", "INFO", validate=logs.check_level),
)

# gunicorn's own default for `bind` reads it.
env.int("PORT", 8000, validate=[environment.positive, environment.at_most(65_535)])

with one_line_errors():
    # Loads the settings, so that one message names what is wrong there and here.
    hasattr(settings, "INSTALLED_APPS")
    environment.check()


def post_worker_init(worker: Worker) -> None:
    """Warm a worker up before it accepts connections: until then /health/live/ has no answer."""
    if isinstance(worker, ThreadWorker):
        from myproject.warm_up import warm_up

        warm_up(worker.wsgi, worker.tpool, worker.cfg.threads)
