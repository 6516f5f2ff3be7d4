"""GitHub, simulated by nektos/act: the unchanged workflows, with containers as runners."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rehearsal import leftovers, machine, ports
from rehearsal.errors import Failure
from rehearsal.paths import ENVIRONMENTS, LOGS, OUT, REPOSITORY, RUNNER_IMAGE, host
from rehearsal.timeline import Job, Outcome, Stage, Step, Timeline

WORKFLOWS = ".github/workflows"
# All labels get the same image, built for this machine's processor.
RUNNERS = ("ubuntu-24.04", "ubuntu-24.04-arm")
ACT = Path(sys.executable).parent / "act"
PATIENCE = 30  # seconds for act to remove its containers
OUTCOMES: dict[str, Outcome] = {"success": "success", "failure": "failure", "skipped": "skipped"}


@dataclass
class Configuration:
    """The values that a repository's owner sets in GitHub, and the sources of the actions."""

    secrets: Mapping[str, str]
    variables: Mapping[str, str]
    environment: Mapping[str, str] = field(default_factory=dict)
    actions: Mapping[str, Path] = field(default_factory=dict)  # owner/name@commit: folder


@dataclass
class Run:
    """One run of a workflow."""

    timeline: Timeline
    stage: Stage
    changed: Callable[[Job, Step | None], None] = lambda job, step: None
    workflows: str = WORKFLOWS
    jobs: dict[str, Job] = field(default_factory=dict)
    steps: dict[tuple[str, str, str], Step] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)  # output that belongs to no job

    def start(
        self,
        workflow: str,
        event: str,
        payload: Mapping[str, Any],
        configuration: Configuration,
        *words: str,
    ) -> None:
        """Run the workflow to its end; raise Failure if a job or act itself failed."""
        LOGS.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=OUT) as scratch, self.log().open("a") as log:
            path = f"{self.workflows}/{workflow}"
            command = act_command(Path(scratch), path, event, payload, configuration)
            process = subprocess.Popen(
                [*command, *words],
                cwd=REPOSITORY,
                env=environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,  # Ctrl-C reaches only us, and we stop act
            )
            try:
                assert process.stdout
                for line in process.stdout:
                    log.write(line)
                    self.take(line)
                process.wait()
            finally:
                stop(process)
        if process.returncode:
            raise Failure(self.reason())

    def log(self) -> Path:
        return LOGS / f"{self.stage.name}.log"

    def take(self, line: str) -> None:
        """Add an event of act to the timeline."""
        try:
            said = json.loads(line)
        except ValueError:
            said = {"msg": line}
        if "job" not in said:
            self.said.append(str(said.get("msg", "")).strip())
            return
        job = self.job(said)
        if result := said.get("jobResult"):
            job.finished, job.outcome = self.timeline.now(), OUTCOMES[result]
            self.changed(job, None)
        elif "step" in said:
            self.take_step(job, said)

    def job(self, said: Mapping[str, Any]) -> Job:
        name = said["job"]
        if name not in self.jobs:
            self.jobs[name] = Job(shown(name, bool(said.get("matrix"))), self.timeline.now())
            self.stage.jobs.append(self.jobs[name])
        return self.jobs[name]

    def take_step(self, job: Job, said: Mapping[str, Any]) -> None:
        """Start a step, add to its output, or end it."""
        # The steps of a composite action belong to the step that uses it.
        step_id, *inner = said.get("stepID") or said.get("stepid") or [""]
        stage = said.get("stage", "Main")
        key = (job.name, stage, step_id)
        text = str(said.get("msg", "")).rstrip("\n")
        if key not in self.steps:
            if inner or not text.startswith("⭐"):
                return
            name = said["step"] if stage == "Main" else f"{stage} {said['step']}"
            self.steps[key] = Step(name, self.timeline.now())
            job.steps.append(self.steps[key])
            self.changed(job, self.steps[key])
        step = self.steps[key]
        result = said.get("stepResult")
        if result and not inner and step.finished is None:
            step.finished, step.outcome = self.timeline.now(), OUTCOMES[result]
            if step.outcome != "failure":
                step.log.clear()
            self.changed(job, step)
        elif said.get("raw_output") or said.get("level") == "error":
            step.log.append(str(said.get("arg") or text))

    def reason(self) -> str:
        """Return the reason of a failure: the first failed step, or act's own message."""
        for job in self.stage.jobs:
            for step in job.steps:
                if step.outcome == "failure" and job.outcome != "success":
                    return f"{self.stage.name}: {job.name}: {step.name} failed"
        errors = [line for line in self.said if "rror" in line] or self.said[-1:]
        return f"{self.stage.name}: act: {' '.join(errors)[:400] or 'failed without a message'}"


def shown(name: str, matrix: bool) -> str:
    """Return a job's name as GitHub shows it; act puts the workflow's name before it."""
    if matrix:
        name = re.sub(r"-\d+$", "", name)
    *callers, _, job = name.split("/") if "/" in name else ("", name)
    return " / ".join([*filter(None, callers), job.strip()])


def act_command(
    scratch: Path,
    workflow: str,
    event: str,
    payload: Mapping[str, Any],
    configuration: Configuration,
) -> list[str]:
    """Return the command of act; secrets are passed in a file that only we can read."""
    given = {"GITHUB_TOKEN": "ghs_rehearsal", **configuration.secrets}
    (scratch / "event.json").write_text(json.dumps(payload))
    for name, values in (("secrets", given), ("vars", configuration.variables)):
        lines = "".join(f"{key}={value}\n" for key, value in values.items())
        (scratch / name).write_text(lines)
    # No DNS resolves the load balancers' names here; only browsers resolve .localhost.
    options = [f"--add-host={host(name)}:127.0.0.1" for name in ENVIRONMENTS]
    # Jobs share the processors with both environments here, whose containers have the default
    # weight of 1024 and so have priority.
    options.append("--cpu-shares=256")
    command = [
        *(str(ACT), event, "--json", "--rm", "--no-cache-server"),
        *("--concurrent-jobs", str(max(1, machine.jobs_at_once()))),
        *("--workflows", workflow, "--eventpath", str(scratch / "event.json")),
        *("--secret-file", str(scratch / "secrets"), "--var-file", str(scratch / "vars")),
        *("--actor", "octocat", "--defaultbranch", "main"),
        *(f"--platform={runner}={RUNNER_IMAGE}" for runner in RUNNERS),
        *("--pull=false", "--action-offline-mode"),
        *("--container-options", " ".join(options)),
    ]
    variables = {"AWS_ENDPOINT_URL": ports.api_url(), **configuration.environment}
    for name, value in variables.items():
        command += ["--env", f"{name}={value}"]
    for action, folder in configuration.actions.items():
        command += ["--local-repository", f"{action}={folder}"]
    return command


def environment() -> dict[str, str]:
    """Return act's environment, without this machine's act settings and credentials."""
    home = OUT / "home"
    home.mkdir(exist_ok=True)
    kept = {name: os.environ[name] for name in ("PATH", "DOCKER_HOST") if name in os.environ}
    return {**kept, "HOME": str(home), "XDG_CONFIG_HOME": str(home), "XDG_CACHE_HOME": str(home)}


def stop(process: subprocess.Popen[str]) -> None:
    """Stop act if it still runs: with SIGTERM, so that it removes its containers, then SIGKILL."""
    if process.poll() is None:
        for sign, seconds in ((signal.SIGTERM, PATIENCE), (signal.SIGKILL, None)):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, sign)
            with suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
                break
        leftovers.remove()
