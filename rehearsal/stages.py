"""The stages of a change: preparation, test, deploy to staging, deploy to production."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from rehearsal import docker, events, local_aws, ports, repository
from rehearsal.errors import Failure
from rehearsal.files import replace_text
from rehearsal.github import WORKFLOWS, Configuration, Run
from rehearsal.images import builder
from rehearsal.paths import (
    AWS,
    CHANGE,
    ENVIRONMENTS,
    LOGS,
    MADE,
    REPOSITORY,
    ROOT,
)
from rehearsal.repository import Change
from rehearsal.timeline import Job, Stage, Step, Timeline
from rehearsal.view import View
from rehearsal.watch import LoadedRollout

# A pull request is tested on both versions of MySQL, a deploy only on this one, to save time.
PRODUCTION_MYSQL = "8.4"
# The suffixes of the secrets with an environment's keys in GitHub.
SUFFIXES = {"staging": "", "production": "_PROD"}
# From here on requests can be lost, for example by a migration that breaks the old version.
LOADED_FROM = "Run database migrations"


@dataclass
class Rehearsal:
    """A rehearsal: its timeline, its view, and its values in GitHub."""

    timeline: Timeline
    view: View
    configuration: Configuration
    workflows: str = WORKFLOWS
    variables: dict[str, dict[str, str]] = field(default_factory=dict)  # by environment
    keys: dict[str, dict[str, str]] = field(default_factory=dict)  # of deploys, by environment

    @contextmanager
    def stage(self, name: str, title: str) -> Iterator[Stage]:
        stage = Stage(name, title, self.timeline.now())
        self.timeline.stages.append(stage)
        self.view.begin(stage)
        try:
            yield stage
            stage.outcome = "success"
        except BaseException:
            stage.outcome = "failure"
            raise
        finally:
            stage.finished = self.timeline.now()

    @contextmanager
    def job(self, stage: Stage, name: str) -> Iterator[Callable[[str], None]]:
        """Yield a function that begins the next step of one of the rehearsal's own jobs."""
        job = Job(name, self.timeline.now())
        stage.jobs.append(job)

        def end(outcome: Literal["success", "failure"]) -> None:
            if job.steps and job.steps[-1].finished is None:
                job.steps[-1].finished, job.steps[-1].outcome = self.timeline.now(), outcome
                self.view.changed(job, job.steps[-1])

        def begin(step: str) -> None:
            end("success")
            job.steps.append(Step(step, self.timeline.now()))

        try:
            yield begin
            end("success")
            job.outcome = "success"
        except BaseException:
            end("failure")
            job.outcome = "failure"
            raise
        finally:
            job.finished = self.timeline.now()

    def prepare(self) -> None:
        """Start the local AWS with both environments, each with a running version."""
        with self.stage("prepare", "Images, AWS, both environments") as stage:
            with self.job(stage, "images") as begin:
                self.timeline.offline += build_images(begin, self.view.note)
            with self.job(stage, "AWS") as begin:
                local_aws.start(begin)
                version = repository.released("main")
                self.first_deploys(version, begin)

    def first_deploys(self, version: str, begin: Callable[[str], None]) -> None:
        """Create the environments, and deploy this version to each one that has none."""
        commit = repository.git("rev-parse", f"{version}^{{commit}}")
        with ThreadPoolExecutor() as pool:
            # The build does not need AWS, so it starts before the environments exist.
            built = not local_aws.is_serving("staging") and pool.submit(
                local_aws.build_image, version, commit
            )
            self.make_environments(begin)
            if built:
                built.result()
            new = [name for name in ENVIRONMENTS if not local_aws.is_serving(name)]
            if new:
                begin(f"first deploy of {' and '.join(new)}: {version}")
                # Production gets the image from staging's repository.
                local_aws.push_image(version, commit)
                list(pool.map(lambda name: local_aws.seed(name, version, commit), new))

    def make_environments(self, begin: Callable[[str], None]) -> None:
        """Create both environments from infra/ at once, unless infra/ is unchanged."""
        made = {"aws": docker.docker("inspect", "--format={{.Id}}", AWS), "infra": fingerprint()}
        known = json.loads(MADE.read_text()) if MADE.exists() else {}
        if known.get("of") == made:
            self.variables, self.keys = known["variables"], known["keys"]
            return
        begin("scripts/deploy-infra staging and production")
        with ThreadPoolExecutor() as pool:
            variables = pool.map(local_aws.make, ENVIRONMENTS)
            self.variables = dict(zip(ENVIRONMENTS, variables, strict=True))
            keys = pool.map(local_aws.deploy_keys, ENVIRONMENTS)
            self.keys = dict(zip(ENVIRONMENTS, keys, strict=True))
        text = json.dumps({"of": made, "variables": self.variables, "keys": self.keys})
        replace_text(MADE, text)

    def test(self, change: Change) -> None:
        """Run test.yml as GitHub does for a pull request."""
        with self.stage("test.yml", "Pull request") as stage:
            repository.show(change.head, "change")
            payload = events.pull_request(change)
            run = Run(self.timeline, stage, self.view.changed, self.workflows)
            run.start(stage.name, "pull_request", payload, self.given())

    def staging(self, change: Change) -> None:
        """Merge the change, and run deploy-staging.yml."""
        with self.stage("deploy-staging.yml", "Merge to main") as stage:
            repository.merge(change)
            self.deploy(stage, "staging", events.push(change))
        replace_text(CHANGE, json.dumps(asdict(change)))

    def production(self, change: Change) -> None:
        """Tag the commit that staging runs, and run deploy-prod.yml."""
        with self.stage("deploy-prod.yml", f"Tag {change.version}") as stage:
            repository.show(change.merge, "main")
            repository.tag(change)
            payload = events.push_tag(change.version, change.merge)
            self.deploy(stage, "production", payload)

    def deploy(self, stage: Stage, environment: str, payload: dict[str, Any]) -> None:
        """Run a deploy under load; raise Failure if the deploy fails or a request is lost."""
        rollout = LoadedRollout(self.timeline, stage, environment)
        self.view.status = lambda: (stage.load, rollout.status())

        def changed(job: Job, step: Step | None) -> None:
            if step and step.name == LOADED_FROM and step.finished is None:
                rollout.start()
            self.view.changed(job, step)

        run = Run(self.timeline, stage, changed, self.workflows)
        try:
            run.start(
                *(stage.name, "push", payload, self.given(environment)),
                *("--matrix", f"mysql:{PRODUCTION_MYSQL}"),
            )
        finally:
            lost = None
            try:
                rollout.stop()
            except Failure as failure:
                lost = failure
            if lost and sys.exc_info()[0] is None:
                raise lost

    def given(self, environment: str = "") -> Configuration:
        """Return GitHub's values for the repository and for one of its environments."""
        repository_has = {
            "STAGING_URL": ports.url("staging"),
            "BUILDX_DRIVER": "docker",
            "WATCH_MINUTES": "1",
            "WATCH_PERIOD": str(60 // local_aws.CLOCK),
        }
        if prefix := ports.tests_prefix():
            repository_has["TEST_PORT_PREFIX"] = prefix
        environment_has = self.variables.get(environment, {})
        keys = {
            f"{key}{SUFFIXES[name]}": value
            for name, of_deploys in self.keys.items()
            for key, value in of_deploys.items()
        }
        tools = {"AGENT_TOOLSDIRECTORY": builder.tool_cache(REPOSITORY)}
        return replace(
            self.configuration,
            secrets={**self.configuration.secrets, **keys},
            variables={**self.configuration.variables, **repository_has, **environment_has},
            environment={**self.configuration.environment, **tools},
        )


def build_images(begin: Callable[[str], None], note: Callable[[str], None]) -> list[str]:
    """Pull or build missing images; return a note on each stand-in."""
    begin("rehearsal/images/build all")
    command = [str(ROOT / "rehearsal" / "images" / "build"), "all"]
    stood_in: list[str] = []
    said: list[str] = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout
        for line in map(str.rstrip, process.stdout):
            said.append(line)
            note(line)
            if line.startswith("OFFLINE: "):
                stood_in.append(line.removeprefix("OFFLINE: "))
    note("")
    LOGS.mkdir(parents=True, exist_ok=True)
    (LOGS / "images.log").write_text("\n".join([*said, ""]))
    if process.returncode:
        raise Failure("rehearsal/images/build failed: " + "\n".join(said[-20:]))
    return stood_in


def fingerprint() -> str:
    """Return a hash of infra/."""
    total = hashlib.sha256()
    for file in sorted((REPOSITORY / "infra").rglob("*")):
        if file.is_file():
            total.update(file.read_bytes())
    return total.hexdigest()


def approve(change: Change, yes: bool, ask: Callable[[str], str] | None = None) -> None:
    """Ask for the approval that GitHub's environment `production` requires of a reviewer."""
    if yes:
        return
    if not ask and not sys.stdin.isatty():
        raise Failure(
            "production needs an approval, but the input is no terminal: use make pipeline YES=1,"
            " or --yes"
        )
    question = (
        f"{change.version} runs on {ports.browser_url('staging')}. Release it to production? [y/N] "
    )
    answer = ""
    with suppress(EOFError):  # Ctrl-D does not approve
        answer = (ask or input)(question)
    if answer.strip().lower() not in ("y", "yes"):
        raise Failure(f"{change.version} was not approved: production keeps its version")
