"""A drill that kills a rehearsal with SIGKILL during a deploy, and checks the next one."""

from __future__ import annotations

import multiprocessing
import subprocess
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any

from rehearsal import docker, events, github, leftovers, repository
from rehearsal.drills import restore
from rehearsal.drills.context import DrillContext
from rehearsal.drills.gates import DEPLOY, STAGING
from rehearsal.drills.scenarios import deploy
from rehearsal.drills.workflows import DrillRun
from rehearsal.errors import Failure
from rehearsal.github import Configuration
from rehearsal.leftovers import CONTAINERS
from rehearsal.timeline import Job, Stage, Step, Timeline

# Seconds after which a step is stuck: a slow machine takes a tenth of them.
UNTIL_SECONDS = 1800
END_SECONDS = 300


def victim(
    name: str, payload: Mapping[str, Any], configuration: Configuration, tell: Connection
) -> None:
    """Run a deploy, and send the name of each step as it begins."""

    def changed(job: Job, step: Step | None) -> None:
        if step and step.finished is None:
            tell.send(step.name)

    timeline = Timeline("", "", "")
    run = DrillRun(timeline, Stage(STAGING, "", 0), changed)
    run.name = name
    run.start(STAGING, "push", payload, configuration)


def kill_and_deploy_again(context: DrillContext) -> None:
    """Kill a rehearsal while the service moves; the next one must start clean, and deploy."""
    repository.merge(context.merged)
    context.workflows.prepare(STAGING)
    kill(context, events.push(context.merged))
    leftovers.remove()  # as each rehearsal does first
    for what in (*containers_and_networks(), *processes()):
        context.problem(f"the killed rehearsal left {what} behind")
    restore.wait_until_stable()  # ECS continues the deployment by itself
    context.observation.also_pushed = {context.observation.commit}
    context.make(None)
    deploy(context)


def kill(context: DrillContext, payload: Mapping[str, Any]) -> None:
    spawn = multiprocessing.get_context("spawn")
    hear, tell = spawn.Pipe(duplex=False)
    configuration = context.workflows.configuration("staging")
    words = (context.setup.name, payload, configuration, tell)
    process = spawn.Process(target=victim, args=words)
    process.start()
    tell.close()
    deadline = time.monotonic() + UNTIL_SECONDS
    try:
        while time.monotonic() < deadline:
            try:
                if hear.poll(1) and hear.recv() == DEPLOY.step:
                    context.wait_until_staging_moves()
                    return
            except EOFError:
                break
        raise Failure(f"the rehearsal never reached '{DEPLOY.step}', where the drill kills it")
    finally:
        process.kill()
        process.join()


def containers_and_networks() -> list[str]:
    """Return the containers and networks of act."""
    found = []
    for prefix in CONTAINERS:
        words = (f"--filter=name=^{prefix}", "--format={{.Name}}")
        found += docker.docker("ps", "--all", words[0], "--format={{.Names}}").split()
        found += docker.docker("network", "ls", *words).split()
    return found


def processes() -> list[str]:
    """Return the processes of this clone's act that still run after END_SECONDS."""
    deadline = time.monotonic() + END_SECONDS
    while True:
        listed = subprocess.run(["ps", "-eo", "pid=,args="], capture_output=True, text=True).stdout
        found = [line.split()[0] for line in listed.splitlines() if f" {github.ACT} " in line]
        if not found or time.monotonic() > deadline:
            return [f"act, process {pid}" for pid in found]
        time.sleep(0.5)
