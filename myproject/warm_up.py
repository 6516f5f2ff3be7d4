"""Prepare a worker so that its first request is as fast as later ones.

A load balancer sends a new task its share of the traffic at once, and a task may have a quarter of
a processor. So imports, templates and connections are ready before the first request.
"""

import time
from collections.abc import Callable
from concurrent.futures import Executor, wait
from contextlib import closing
from pathlib import Path
from threading import Barrier
from typing import Any
from wsgiref.util import setup_testing_defaults

from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.template import TemplateDoesNotExist, TemplateSyntaxError, engines

from apps.health import checks

Application = Callable[..., Any]  # a WSGI application whose answers have close(), as Django's


def load_code() -> None:
    """Import the migrations and compile the templates.

    This opens no connection, so it can run once, before the workers are forked.
    """
    MigrationLoader(None)
    for engine in engines.all():
        for folder in map(Path, engine.template_dirs):
            for file in folder.rglob("*.html"):
                try:
                    engine.get_template(str(file.relative_to(folder)))
                except (TemplateDoesNotExist, TemplateSyntaxError):
                    # A package may have templates for another one that is not installed.
                    continue


def warm_up(application: Application, pool: Executor, threads: int) -> None:
    """Connect the threads of a worker to MySQL and Redis, and render settings.WARM_UP_PATHS.

    Return after at most HEALTH_TIMEOUT seconds, even if that failed, because a server that is down
    or silent must not stop a worker from answering. The log then names what was not reached.
    """
    deadline = time.monotonic() + settings.HEALTH_TIMEOUT
    # The driver may wait for a silent server longer than this function may, and a waiting thread
    # serves no requests. So the threads connect only if the server has just answered.
    if checks.run(settings.HEALTH_TIMEOUT)["database"].status != "ok":
        return
    all_started = Barrier(threads)
    work = [pool.submit(_warm_up_thread, application, all_started) for _ in range(threads)]
    wait(work, timeout=max(0.0, deadline - time.monotonic()))


def _warm_up_thread(application: Application, all_started: Barrier) -> None:
    # The pool starts a thread only while all others are busy.
    all_started.wait(settings.HEALTH_TIMEOUT)
    connection.ensure_connection()  # whether or not a page of WARM_UP_PATHS needs it
    for path in settings.WARM_UP_PATHS:
        _get(application, path)


def _get(application: Application, path: str) -> None:
    """Request a page as the load balancer does, and discard the answer."""
    environ = {
        "HTTP_HOST": settings.ALLOWED_HOSTS[0].removeprefix("."),
        "HTTP_X_FORWARDED_PROTO": "https",
        "PATH_INFO": path,
        "REMOTE_ADDR": "127.0.0.1",
    }
    setup_testing_defaults(environ)
    # Django ends the request when its answer is closed.
    with closing(application(environ, lambda status, headers, error=None: None)) as answer:
        for _ in answer:
            pass
