"""Checks of an environment in AWS: stacks, roles, alarms, images, and ages of secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from delivery.aws.access_keys import users
from delivery.aws.account import GITHUB, has_provider
from delivery.aws.client import Aws, check_account
from delivery.aws.database_password import password_number, secret_name
from delivery.aws.deploy_infra import Environment
from delivery.aws.ecr import exists
from delivery.aws.ecs import Service, is_base, short
from delivery.aws.infra_parameters import TEMPLATES, check_one_place, read_parameters
from delivery.deploy.worker import worker_of
from delivery.doctor.database_authority import trusted
from delivery.doctor.drift import drifts
from delivery.doctor.findings import (
    DATABASE_DAYS,
    KEY_DAYS,
    MISSING,
    OK,
    WRONG,
    Finding,
    Findings,
    age,
    asked,
    by_age,
)
from delivery.doctor.variables import container, variables
from delivery.environments import SOURCES
from delivery.errors import Failure
from delivery.paths import INFRA

# The states in which CloudFormation can compare a stack with its template.
UNCHANGING = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}
RENEW_DAYS = 30  # ACM renews 60 days before the end, or says why it can't


class Examination:
    """The checks of one environment, against its parameters."""

    def __init__(self, environment: str, connect: Callable[[str], Aws] = Aws) -> None:
        self.name = environment
        path = INFRA / "parameters" / f"{environment}.json"
        self.path = Path(os.path.relpath(path))
        self.account, region, self.values = read_parameters(self.path)
        self.aws = connect(region)
        self.infra = f"scripts/deploy-infra {environment}"
        self.deploy = "a tag" if SOURCES[environment][0] == "tag" else "a merge"

    def findings(self) -> Findings:
        check_account(self.aws, self.account, self.path)
        for part, find in (
            ("account and region", self.place),
            ("stacks", self.stacks),
            ("drift", self.drift),
            ("role", self.role),
            ("certificate", self.certificate),
            ("alarms", self.alarms),
            ("service", self.service),
            ("database password", self.password),
            ("certificates of RDS", lambda: trusted(self.aws.region)),
            ("keys", self.keys),
        ):
            yield from asked(f"{part} of {self.name}", find)

    def absent(self, what: str) -> Finding:
        return Finding(MISSING, what, self.infra)

    def place(self) -> Findings:
        try:
            check_one_place(self.path.parent)
        except Failure as failure:
            yield Finding(WRONG, str(failure))
        else:
            yield Finding(OK, f"account {self.account}, {self.aws.region}, for both environments")

    def stacks(self) -> Findings:
        environment = Environment(self.name, self.aws, self.values, yes=False)
        for template in TEMPLATES:
            stack = f"myapp-{self.name}-{template}"
            status = environment.status(stack)
            try:
                environment.refuse_unfit(stack, status)
            except Failure as failure:
                yield Finding(WRONG, str(failure))
                continue
            found = Finding(OK, f"stack {stack}: {status}")
            yield found if status else self.absent(f"stack {stack}")

    def drift(self) -> Findings:
        environment = Environment(self.name, self.aws, self.values, yes=False)
        stacks = [f"myapp-{self.name}-{template}" for template in TEMPLATES]
        known = [stack for stack in stacks if environment.status(stack) in UNCHANGING]
        yield from drifts(self.aws, known, self.infra)

    def role(self) -> Findings:
        """Check that GitHub's jobs of this environment, and no others, can assume the role."""
        subject, name = self.values["GitHubSubject"], f"myapp-{self.name}-deploy"
        if not subject:
            yield Finding(OK, f"role {name}: none, because GitHubSubject is empty")
            return
        try:
            role = self.aws("iam", "get-role", "--role-name", name)["Role"]
        except Failure as failure:
            if "NoSuchEntity" not in str(failure):
                raise
            yield self.absent(f"role {name}")
            return
        wanted = f"{subject}:environment:{self.name}"
        trusted = [subject_of(s) for s in role["AssumeRolePolicyDocument"]["Statement"]]
        if not has_provider(self.aws):
            yield self.absent(f"identity provider {GITHUB}, which role {name} needs")
        if trusted == [wanted]:
            yield Finding(OK, f"role {name} trusts {wanted}")
        else:
            yield Finding(WRONG, f"role {name} trusts {trusted}, not {wanted} alone", self.infra)

    def certificate(self) -> Findings:
        arn, domain = self.values["CertificateArn"], self.values["DomainName"]
        if not arn:
            yield Finding(OK, f"certificate of {self.name}: none, so plain HTTP and no admin")
            return
        answer = self.aws("acm", "describe-certificate", "--certificate-arn", arn)
        found = answer["Certificate"]
        names = found.get("SubjectAlternativeNames", [found["DomainName"]])
        wildcard = f"*.{domain.partition('.')[2]}"
        days = -age(found["NotAfter"]).days if "NotAfter" in found else 0
        what = f"certificate of {domain}"
        docs = "docs/infrastructure.md#a-domain-and-https"
        if found["Status"] != "ISSUED":
            yield Finding(WRONG, f"{what} is {found['Status']}: prove that you own the name", docs)
        elif domain not in names and wildcard not in names:
            yield Finding(WRONG, f"{what} does not cover it, only {', '.join(names)}", docs)
        elif days < RENEW_DAYS:
            yield Finding(WRONG, f"{what} expires in {days} days, and was not renewed", docs)
        else:
            yield Finding(OK, f"{what} expires in {days} days")

    def alarms(self) -> Findings:
        prefix = f"myapp-{self.name}-"
        answer = self.aws("cloudwatch", "describe-alarms", "--alarm-name-prefix", prefix)
        found = {alarm["AlarmName"]: alarm for alarm in answer["MetricAlarms"]}
        text = "".join((INFRA / f"{name}.yaml").read_text() for name in ("monitoring", "alarms"))
        for name in re.findall(r'AlarmName: !Sub "myapp-\$\{Environment\}-([\w-]+)"', text):
            alarm = found.get(prefix + name)
            if not alarm:
                yield self.absent(f"alarm {prefix}{name}")
            elif not alarm["ActionsEnabled"]:
                fix = f"aws cloudwatch enable-alarm-actions --alarm-names {prefix}{name}"
                yield Finding(WRONG, f"the actions of alarm {prefix}{name} are disabled", fix)
            elif alarm["StateValue"] == "ALARM":
                yield Finding(WRONG, f"alarm {prefix}{name} is on: {alarm.get('StateReason', '')}")
            else:
                yield Finding(OK, f"alarm {prefix}{name}: {alarm['StateValue']}")

    def service(self) -> Findings:
        """Check what the service runs, and what its tasks read."""
        service = Service(self.aws, f"myapp-{self.name}-cluster", f"myapp-{self.name}-service")
        try:
            found = service.describe()
        except Failure as failure:
            if not re.search("ClusterNotFoundException|does not exist", str(failure)):
                raise
            yield self.absent(service.name)
            return
        revision = found["taskDefinition"]
        if is_base(revision):
            yield Finding(MISSING, f"{service.name}: nothing was deployed yet", self.deploy)
            revision = ""
        else:
            yield from self.running(service, found)
        base = f"myapp-{self.name}-task-base"
        yield from variables(self.aws, base, revision, self.infra, self.deploy)

    def running(self, service: Service, found: dict[str, Any]) -> Findings:
        """Check that ECR still has the image that runs: without it no task could start again."""
        yield tasks(service, found)
        if worker := worker_of(service):
            yield tasks(worker, worker.describe())
        yield self.scaling(service.name)
        image = str(container(self.aws, found["taskDefinition"])["image"])
        if exists(self.aws, image):
            yield Finding(OK, f"image {image}")
        else:
            yield Finding(WRONG, f"image {image} is no longer in the registry", "deploy again")

    def scaling(self, service: str) -> Finding:
        """Return whether scaling has its minimum, which it gets after the first deploy."""
        environment = Environment(self.name, self.aws, self.values, yes=False)
        known = environment.parameters(f"myapp-{self.name}-service")
        if known.get("RunningRevision"):
            return Finding(OK, f"scaling of {service}: at least {self.values['MinTasks']} tasks")
        what = f"scaling of {service}: no minimum yet, so no tasks are removed"
        return Finding(MISSING, what, self.infra)

    def password(self) -> Findings:
        secret = secret_name(self.name, password_number(self.aws, self.name) or 1)
        try:
            found = self.aws("secretsmanager", "describe-secret", "--secret-id", secret)
        except Failure as failure:
            if "ResourceNotFoundException" not in str(failure):
                raise
            yield self.absent(f"secret {secret}")
            return
        rotate = f"scripts/rotate-secrets {self.name} database"
        yield by_age(f"secret {secret}", found["CreatedDate"], DATABASE_DAYS, rotate)

    def keys(self) -> Findings:
        for user in users(self.aws, self.account, self.name):
            answer = self.aws("iam", "list-access-keys", "--user-name", user)
            for key in answer["AccessKeyMetadata"]:
                what = f"key {key['AccessKeyId']} of {user}"
                rotate = f"scripts/rotate-secrets {self.name} keys"
                if key["Status"] == "Active":
                    yield by_age(what, key["CreateDate"], KEY_DAYS, rotate)


def tasks(service: Service, found: dict[str, Any]) -> Finding:
    running, desired = found["runningCount"], found["desiredCount"]
    state, runs = OK if running >= desired > 0 else WRONG, short(found["taskDefinition"])
    return Finding(state, f"{service.name}: {running} of {desired} tasks of {runs}")


def subject_of(statement: dict[str, Any]) -> str:
    """Return the subject that a role trusts; empty unless it is one complete name."""
    equals = statement.get("Condition", {}).get("StringEquals", {})
    return str(equals.get(f"{GITHUB}:sub", "anybody"))
