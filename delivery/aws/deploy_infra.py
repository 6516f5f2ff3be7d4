"""Create or update the stacks of an environment in AWS, after showing the changes.

Each template in infra/ is a stack. An output of a stack is the parameter of the same name in later
stacks. infra/parameters/ENVIRONMENT.json has all other values.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from delivery.aws.account import make_shared_parts
from delivery.aws.client import Aws, check_account
from delivery.aws.domain import check_domain
from delivery.aws.ecs import is_base
from delivery.aws.infra_parameters import (
    OWN,
    TEMPLATES,
    check_one_place,
    declared,
    read_parameters,
)
from delivery.command import confirm, run
from delivery.environments import ENVIRONMENTS
from delivery.errors import Failure
from delivery.paths import INFRA

MARKS = {"Add": "+", "Modify": "~", "Remove": "-"}
NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
REMEDIES = {
    "ROLLBACK_COMPLETE": "its creation failed. Run aws cloudformation delete-stack --stack-name {}",
    "ROLLBACK_FAILED": "its creation failed. Run aws cloudformation delete-stack --stack-name {}",
    "DELETE_FAILED": "its deletion failed. Run aws cloudformation delete-stack --stack-name {}",
    "UPDATE_ROLLBACK_FAILED": "run aws cloudformation continue-update-rollback --stack-name {}",
}


class Environment:
    """The stacks of one environment."""

    def __init__(self, name: str, aws: Aws, values: Mapping[str, str], yes: bool) -> None:
        self.name = name
        self.aws = aws
        self.yes = yes
        self.values = {**values, "Environment": name, "RunningRevision": ""}

    def deploy(self) -> None:
        """Bring every stack to what its template says."""
        # Before any change, refuse to run during a deploy, or with a domain that tasks do not know.
        check_domain(self.aws, self.running_revision(), self.values)
        make_shared_parts(self.aws, self.values["GitHubSubject"], self.yes)
        for template in TEMPLATES:
            stack = f"myapp-{self.name}-{template}"
            status = self.status(stack)
            self.refuse_unfit(stack, status)
            if has_service := "RunningRevision" in declared(template, "Parameters"):
                self.values["RunningRevision"] = revision = self.running_revision(template)
                self.record_revision(stack, status)
            if template == "service":
                self.values["Deployed"] = "true" if revision else "false"
            if change_set := self.change_set(stack, template, status):
                self.confirm(stack, change_set, status)
                if has_service and self.running_revision(template) != revision:
                    raise Failure(
                        f"{stack}: a deploy moved the service in the meantime; run this again"
                    )
                arn = change_set["ChangeSetId"]
                self.aws("cloudformation", "execute-change-set", "--change-set-name", arn)
                self.finish(stack)
            else:
                print(f"{stack}: no changes")
            outputs = self.describe(stack).get("Outputs", [])
            self.values |= {output["OutputKey"]: output["OutputValue"] for output in outputs}

    def describe(self, stack: str) -> dict[str, Any]:
        try:
            stacks = self.aws("cloudformation", "describe-stacks", "--stack-name", stack)
        except Failure as error:
            if "does not exist" in str(error):
                return {}
            raise
        found: dict[str, Any] = stacks["Stacks"][0]
        return found

    def parameters(self, stack: str) -> dict[str, str]:
        """Return the values that a stack was last given."""
        return {
            parameter["ParameterKey"]: parameter.get("ParameterValue", "")
            for parameter in self.describe(stack).get("Parameters", [])
        }

    def status(self, stack: str) -> str:
        """Return the stack's status; empty if there is no stack, or one without resources."""
        status = str(self.describe(stack).get("StackStatus", ""))
        return "" if status == "REVIEW_IN_PROGRESS" else status

    def refuse_unfit(self, stack: str, status: str) -> None:
        if status.endswith("_IN_PROGRESS"):
            raise Failure(f"{stack} is {status}: wait until that is over, and run this again")
        if remedy := REMEDIES.get(status):
            command = f"{remedy.format(stack)} --region {self.aws.region}"
            raise Failure(f"{stack} is {status}: {command}, and then this command again")

    def running_revision(self, template: str = "service") -> str:
        """Return the task definition that a stack's service runs; empty before the first deploy."""
        cluster, service = f"myapp-{self.name}-cluster", f"myapp-{self.name}-{template}"
        try:
            answer = self.aws(
                "ecs", "describe-services", "--cluster", cluster, "--services", service
            )
        except Failure as error:
            if "ClusterNotFoundException" in str(error):
                return ""
            raise
        active = [service for service in answer["services"] if service["status"] == "ACTIVE"]
        if not active or is_base(active[0]["taskDefinition"]):
            return ""
        states = [deployment.get("rolloutState") for deployment in active[0]["deployments"]]
        if "IN_PROGRESS" in states:
            raise Failure(
                f"{service} is being deployed: wait until that is over, and run this again"
            )
        return str(active[0]["taskDefinition"])

    def record_revision(self, stack: str, status: str) -> None:
        """Let CloudFormation know what runs, with nothing else changed but the start of scaling.

        Otherwise CloudFormation would return to the revision that it knows, an older image, if the
        next change failed.
        """
        revision = self.values["RunningRevision"]
        known = self.parameters(stack)
        if not status or known.get("RunningRevision") == revision:
            return
        kept = [{"ParameterKey": name, "UsePreviousValue": True} for name in known.keys() - OWN]
        kept += [
            {"ParameterKey": name, "ParameterValue": self.values[name]}
            for name in known.keys() & OWN
        ]
        runs = revision.rpartition("/")[2] or "nothing"
        print(f"{stack}: CloudFormation records that {runs} runs")
        self.aws(
            *("cloudformation", "update-stack", "--stack-name", stack, "--use-previous-template"),
            *("--capabilities", "CAPABILITY_NAMED_IAM", "--parameters", json.dumps(kept)),
        )
        self.finish(stack)

    def change_set(self, stack: str, template: str, status: str) -> dict[str, Any] | None:
        """Return the pending changes; None if there are none."""
        parameters = [
            {"ParameterKey": name, "ParameterValue": self.values[name]}
            for name in declared(template, "Parameters")
            if name in self.values
        ]
        arn = self.aws(
            *("cloudformation", "create-change-set", "--stack-name", stack),
            *("--change-set-name", time.strftime("deploy-infra-%Y%m%d%H%M%S", time.gmtime())),
            *("--change-set-type", "UPDATE" if status else "CREATE"),
            *("--template-body", f"file://{INFRA / template}.yaml"),
            *("--capabilities", "CAPABILITY_NAMED_IAM", "--parameters", json.dumps(parameters)),
            *("--tags", f"Key=environment,Value={self.name}", "Key=project,Value=myapp"),
        )["Id"]
        while True:
            found: dict[str, Any] = self.aws(
                "cloudformation", "describe-change-set", "--change-set-name", arn
            )
            if found["Status"] not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
                break
            self.aws.wait()
        if found["Status"] == "CREATE_COMPLETE":
            return found
        self.discard(stack, arn, status)
        reason = found.get("StatusReason", "")
        if any(words in reason for words in NO_CHANGES):
            return None
        raise Failure(f"{stack}: CloudFormation refuses infra/{template}.yaml: {reason}")

    def confirm(self, stack: str, change_set: Mapping[str, Any], status: str) -> None:
        """Show the changes, and ask for confirmation unless --yes was given."""
        print(f"{stack} {'changes' if status else 'is new'}:")
        for change in (entry["ResourceChange"] for entry in change_set["Changes"]):
            replaced = {"True": "REPLACED", "Conditional": "may be REPLACED"}
            details = sorted(
                {d["Target"].get("Name", "") for d in change.get("Details", [])} - {""}
            )
            notes = [replaced.get(change.get("Replacement", ""), ""), ", ".join(details)]
            print(
                f"  {MARKS.get(change['Action'], '?')} {change['LogicalResourceId']}"
                f" ({change['ResourceType']}) {' '.join(filter(None, notes))}".rstrip()
            )
        if self.yes:
            return
        if not confirm("Apply these changes?"):
            self.discard(stack, change_set["ChangeSetId"], status)
            raise Failure(f"{stack} and later stacks stay unchanged (--yes skips the question)")

    def discard(self, stack: str, change_set: str, status: str) -> None:
        self.aws("cloudformation", "delete-change-set", "--change-set-name", change_set)
        if not status:
            # A change set for a new stack leaves an empty stack behind.
            self.aws("cloudformation", "delete-stack", "--stack-name", stack)

    def finish(self, stack: str) -> None:
        """Wait until CloudFormation is done; raise Failure with the first reason if it failed."""
        start = time.monotonic()
        status = "_IN_PROGRESS"
        while status.endswith("_IN_PROGRESS"):
            self.aws.wait()
            status = str(self.describe(stack)["StackStatus"])
        if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            print(f"{stack}: {status} after {time.monotonic() - start:.0f} s")
            return
        events = self.aws("cloudformation", "describe-stack-events", "--stack-name", stack)
        reasons = []
        for event in events["StackEvents"]:
            if event.get("ResourceStatusReason") == "User Initiated":
                break
            if event["ResourceStatus"].endswith("_FAILED"):
                reasons.append(f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}")
        raise Failure(f"{stack} is {status}. {reasons[-1] if reasons else 'See its events.'}")

    def report(self) -> None:
        """Print the values that GitHub needs."""
        values, role = self.values, self.values.get("DeployRoleArn")
        print(f"\nGitHub > Settings > Environments > {self.name}:")
        print(f"  variable APP_URL       {values['Url']}")
        if role:
            print(f"  variable AWS_ROLE_ARN  {role}")
        else:
            print(
                "  no role, because GitHubSubject is empty: use keys of an IAM user with the policy"
            )
            print(f"  {values['DeployPolicyArn']}")
        if self.name == "staging":
            print("GitHub > Settings > Secrets and variables > Actions, for the whole repository:")
            print(f"  variable STAGING_URL   {values['Url']}")
        print("scripts/configure-github sets these values.")
        if values["DomainName"]:
            leads = f"{values['DomainName']} must lead to {values['LoadBalancerDnsName']}"
            print(f"DNS: {leads}. First deploy, so that the tasks accept this name.")
        if values["Deployed"] == "false":
            print(
                "Nothing runs yet, because the first deploy brings the image. Run this again after"
                " that deploy, to start automatic scaling."
            )


def main() -> None:
    parser = argparse.ArgumentParser("scripts/deploy-infra", description=(__doc__ or "").strip())
    parser.add_argument("environment", choices=ENVIRONMENTS)
    parser.add_argument("--yes", action="store_true", help="don't ask for confirmation")
    parser.add_argument(
        "--parameters", type=Path, metavar="FILE", help="default: the file in infra/parameters"
    )
    args = parser.parse_args()
    path = args.parameters or INFRA / "parameters" / f"{args.environment}.json"
    path = Path(os.path.relpath(path))

    def act() -> None:
        if not args.parameters:
            check_one_place(path.parent)
        account, region, values = read_parameters(path)
        aws = Aws(region)
        check_account(aws, account, path)
        environment = Environment(args.environment, aws, values, args.yes)
        environment.deploy()
        environment.report()

    run("scripts/deploy-infra", act)


if __name__ == "__main__":
    main()
