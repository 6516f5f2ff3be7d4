"""Return an environment to a version that ran before; without a name, to the last that ran well.

Says what it will do and asks. Then it stops a deployment that is under way, moves the service,
waits, verifies that /health/ names the commit, records that it is live, and tells Slack. What was
interrupted is finished by running it again.
"""

from __future__ import annotations

import argparse
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from scripts.actions import confirm, run
from scripts.aws import Failure
from scripts.ecr import exists
from scripts.ecs import Service, is_base, primary
from scripts.revisions import History, Revision
from scripts.slack import tell
from scripts.verify_deployment import verify

VARIABLES = """\
variables: AWS_REGION (else what infra/parameters/ENVIRONMENT.json says), APP_URL (else what the
stack of the load balancer says), SLACK_WEBHOOK_URL. Ends with 0 once that version runs, also where
it did before; with 1 where it doesn't, or nobody agreed; with 2 where it was called wrongly."""


@dataclass
class Plan:
    """Where to go, and what is left for it: nothing is where the service is there already."""

    source: Revision | None
    target: Revision
    moves: bool

    @property
    def is_back(self) -> bool:
        return not self.source or self.target.number < self.source.number


@dataclass
class Rollback:
    environment: str
    service: Service
    history: History

    def plan(self, version: str, revision: str, leave: str) -> Plan | None:
        """Return what to do; nothing where what runs is what a rollback returned to."""
        runs = primary(self.service.describe())["taskDefinition"]
        if is_base(runs):
            raise Failure(f"nothing was deployed to {self.environment} yet")
        current = self.history.at(self.history.number(runs))
        source = self.history.came_from(current)
        unfinished = bool(source and source.tags["rolled-back"] > current.tags.get("verified", ""))
        if version or revision:
            target = self.target(version, revision)
            left = self.history.at(self.history.number(leave)) if leave else None
            if left and current.number not in (left.number, target.number):
                raise Failure(f"{self.environment} runs {current} meanwhile: it is left to that")
            if target.number != current.number:
                return Plan(current, target, moves=True)
            return Plan(left or (source if unfinished else None), target, moves=False)
        if source and unfinished:
            return Plan(source, current, moves=False)
        if source:
            print(f"{self.environment} runs {current}, since it was rolled back from {source}.")
            print("Nothing is done. To go further back, name where: --to VERSION")
            return None
        if found := self.history.before(current):
            return Plan(current, found, moves=True)
        raise Failure(
            f"nothing to go back to: of no other version before {current} is it known that it was"
            " verified here (--revision names one all the same)"
        )

    def target(self, version: str, revision: str) -> Revision:
        if version:
            return self.history.of_version(version)
        return self.history.at(self.history.number(revision))

    def explain(self, plan: Plan) -> None:
        """Say what will be done, and what speaks against it; raise Failure where it can't be."""
        source, target = plan.source, plan.target
        if not exists(self.service.aws, target.image):
            raise Failure(f"{target}: its image is gone from the registry: {target.image}")
        if not plan.moves:
            print(f"{self.environment} moves to {target} already: what is left is done")
            return
        print(f"{self.environment} runs {source}, and goes {'back' if plan.is_back else 'on'} to:")
        print(f"  {target}, verified {target.tags.get('verified', 'NEVER')}")
        if "verified" in target.tags and not target.is_good:
            print(f"  It was rolled back at {target.tags['rolled-back']}.")
        before = self.history.before(source) if source and plan.is_back else None
        if source and before and target.number < before.number:
            print(f"  That is further than {before}. Only the version before is sure to suit the")
            print("  schema: a contract step since then may have dropped what this one reads.")
            for name in migrations_between(target.commit, source.commit):
                print(f"  since then: {name}")

    def carry_out(self, plan: Plan, url: str, seconds: float) -> None:
        source, target = plan.source, plan.target
        if source and plan.is_back and self.history.came_from(target) != source:
            attempt("noted", lambda: self.history.mark_rolled_back(source, target))
        if plan.moves:
            self.stop_what_moves(target)
        now = primary(self.service.describe())
        there = now["taskDefinition"] == target.arn
        self.service.wait(str(now["id"]) if there else self.service.move(target.arn), seconds)
        if target.commit:
            verify(url, target.commit, min(seconds, 120), self.service.aws.seconds)
        else:
            print(f"{target} names no APP_COMMIT: /health/ was not asked whether it answers")
        command = ["python", "manage.py", "record_release", *["--rollback"] * plan.is_back]
        attempt("recorded as live", lambda: self.service.run_once(target.arn, command, 300))
        attempt("noted", lambda: self.history.mark_verified(target))
        print(f"{self.environment} runs {target}")
        if source:
            how = "rolled back" if plan.is_back else "returned"
            tell(f"{self.environment}: {how} from {source.version} to {target}, and verified")

    def stop_what_moves(self, target: Revision) -> None:
        moving = primary(self.service.describe())
        under_way = moving.get("rolloutState") == "IN_PROGRESS"
        if under_way and moving["taskDefinition"] != target.arn:
            self.service.stop_deployment(120)


def attempt(what: str, act: Callable[[], None]) -> None:
    """Do what the service does not depend on; that it failed is said, and no more than that."""
    try:
        act()
    except Failure as failure:
        print(f"not {what}: {failure}")


def migrations_between(old: str, new: str) -> list[str]:
    """Return the migrations that came after a commit, as far as a clone here knows."""
    words = ["git", "diff", "--name-only", "--diff-filter=A", old, new, "--", "*/migrations/*.py"]
    done = subprocess.run(words, capture_output=True, text=True)
    return done.stdout.split() if done.returncode == 0 else ["unknown migrations: no clone here"]


def url_of(service: Service, environment: str) -> str:
    """Return $APP_URL, or what the stack of the load balancer says."""
    if url := os.environ.get("APP_URL", "").strip():
        return url
    stack = f"myapp-{environment}-load-balancer"
    answer = service.aws("cloudformation", "describe-stacks", "--stack-name", stack)
    outputs = {o["OutputKey"]: o["OutputValue"] for o in answer["Stacks"][0]["Outputs"]}
    return str(outputs["Url"])


def roll_back(
    environment: str,
    service: Service,
    *,
    version: str = "",
    revision: str = "",
    leave: str = "",
    yes: bool = False,
    seconds: float = 600,
) -> None:
    if is_base(revision):
        service.wait(service.move(revision, "--desired-count", "0"), seconds)
        print("no tasks run, as before the first deploy")
        return
    history = History(service.aws, f"myapp-{environment}-task")
    rollback = Rollback(environment, service, history)
    plan = rollback.plan(version, revision, leave)
    if not plan:
        return
    rollback.explain(plan)
    url = url_of(service, environment)
    if plan.moves and not yes and not confirm("Make it so?"):
        raise Failure(f"{environment} stays as it is (--yes: don't ask)")
    rollback.carry_out(plan, url, seconds)


def main() -> None:
    parser = argparse.ArgumentParser("scripts/rollback", description=__doc__, epilog=VARIABLES)
    parser.add_argument("environment", choices=["staging", "production"])
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--to", metavar="VERSION", default="", help="v1.2.2, or a whole commit")
    where.add_argument("--revision", default="", help="of the task definition: 41, or its ARN")
    parser.add_argument(
        "--from",
        dest="leave",
        metavar="REVISION",
        default="",
        help="only from this one: with --revision, what somebody moved meanwhile stays",
    )
    parser.add_argument("--yes", action="store_true", help="don't ask")
    parser.add_argument("--seconds", type=float, default=600, help="at most (%(default)s)")
    words = parser.parse_args()
    run(
        "rollback",
        lambda: roll_back(
            words.environment,
            Service.of(words.environment),
            version=words.to,
            revision=words.revision,
            leave=words.leave,
            yes=words.yes,
            seconds=words.seconds,
        ),
    )


if __name__ == "__main__":
    main()
