"""Return an environment to an earlier version: the last one that ran well, or a named one.

Shows what it will do and asks for confirmation. Then it stops a deployment in progress, moves the
service, waits, records the version as live, moves the worker, if there is one, verifies that
/health/ names the commit, and notifies Slack. If the URL is wrong, it asks the load balancer
directly. If it is interrupted, run it again: it finishes what is left.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from delivery.aws.ecr import exists
from delivery.aws.ecs import Service, is_base, primary
from delivery.command import confirm, run, seconds
from delivery.deploy.addresses import Addresses
from delivery.deploy.revisions import History, Revision
from delivery.deploy.slack import tell
from delivery.deploy.verify_deployment import verify
from delivery.deploy.worker import move_worker
from delivery.environments import ENVIRONMENTS
from delivery.errors import Failure
from delivery.git import git
from delivery.workflow import output

VARIABLES = """\
Variables: AWS_REGION (default: infra/parameters/ENVIRONMENT.json), APP_URL (default: the stack of
the load balancer), SLACK_WEBHOOK_URL (optional). Exit code 0: the version runs. 3: it runs, but
something is left to do, such as correcting APP_URL or running this command again. 1: nothing
confirms that it serves, or you declined. 2: wrong usage."""
LEFT = 3

# Who confirmed that a version runs.
VERIFIED = "verified"
ECS_AND_BALANCER = "confirmed by ECS and the load balancer"
ECS_ALONE = "confirmed by ECS only"


@dataclass
class Plan:
    """The revision to leave, the one to return to, and whether the service still has to move."""

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
    left: list[str] = field(default_factory=list)  # tasks for the user
    undone: bool = False  # another run can do some of them

    def plan(self, version: str, revision: str, leave: str) -> Plan | None:
        """Return the plan; None if the service runs what a finished rollback returned to."""
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
                raise Failure(f"{self.environment} runs {current} now, so nothing is rolled back")
            if target.number != current.number:
                return Plan(current, target, moves=True)
            return Plan(left or (source if unfinished else None), target, moves=False)
        if source and unfinished:
            return Plan(source, current, moves=False)
        if source:
            print(f"{self.environment} runs {current}, since it was rolled back from {source}.")
            print("Nothing is done. To go further back, name a version: --to VERSION")
            return None
        if found := self.history.before(current):
            return Plan(current, found, moves=True)
        raise Failure(
            f"there is no version to return to: no version before {current} was verified here"
            " (--revision chooses one that was not)"
        )

    def target(self, version: str, revision: str) -> Revision:
        if version:
            return self.history.of_version(version)
        return self.history.at(self.history.number(revision))

    def explain(self, plan: Plan) -> None:
        """Show the plan and its risks; raise Failure if it can't be carried out."""
        source, target = plan.source, plan.target
        if not exists(self.service.aws, target.image):
            raise Failure(f"{target}: its image is no longer in the registry: {target.image}")
        if not plan.moves:
            print(f"{self.environment} already moves to {target}; the remaining steps follow")
            return
        print(f"{self.environment} runs {source}, and goes {'back' if plan.is_back else 'on'} to:")
        print(f"  {target}, verified {target.tags.get('verified', 'NEVER')}")
        if "verified" in target.tags and not target.is_good:
            print(f"  It was rolled back at {target.tags['rolled-back']}.")
        before = self.history.before(source) if source and plan.is_back else None
        if source and before and target.number < before.number:
            print(f"  That is further back than {before}. Only the previous version is known to")
            print("  work with the schema: a contract step since then may have dropped a column")
            print("  that this one reads.")
            for name in migrations_between(target.commit, source.commit):
                print(f"  migration since then: {name}")

    def carry_out(self, plan: Plan, addresses: Addresses, seconds: float) -> bool:
        """Move the service, record and verify it; return whether nothing is left to do."""
        source, target = plan.source, plan.target
        if source and plan.is_back and self.history.came_from(target) != source:
            self.attempt(
                f"{source} is not marked as rolled back",
                lambda: self.history.mark_rolled_back(source, target),
            )
        if plan.moves:
            self.stop_what_moves(target)
        self.service.wait(self.moved_to(target, plan.is_back), seconds)
        # ECS confirms that it runs. Record that before anything else can fail or be interrupted.
        command = ["python", "manage.py", "record_release", *["--rollback"] * plan.is_back]
        recorded = self.attempt(
            "the release is not recorded as live",
            lambda: self.service.run_once(target.arn, command, 300),
        )
        followed = self.attempt(
            "the worker did not follow", lambda: move_worker(self.service, target, seconds)
        )
        proof = self.proof_of(target, addresses, min(seconds, 120))
        # Without this mark, the next run repeats all steps that are left.
        if recorded and followed and proof != ECS_ALONE:
            problem = "the revision is not marked as verified"
            self.attempt(problem, lambda: self.history.mark_verified(target))
        self.conclude(plan, proof)
        return not self.left

    def moved_to(self, target: Revision, is_back: bool) -> str:
        """Return the deployment of the target, and start one unless it is in progress.

        It is forced, because ECS may have rolled back a deployment of that same revision. Alarms
        can't undo a rollback: they follow errors by minutes, and ECS would return to the last
        completed deployment, which is the bad one:
        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html
        """
        now = primary(self.service.describe())
        if now["taskDefinition"] == target.arn and now.get("rolloutState") != "FAILED":
            return str(now["id"])
        return self.service.move(target.arn, "--force-new-deployment", alarms=not is_back)

    def proof_of(self, target: Revision, addresses: Addresses, seconds: float) -> str:
        """Return who confirms that the target runs and is ready."""
        if not target.commit:
            print(f"{target} has no APP_COMMIT, so any commit that answers is accepted")
        try:
            problem = verify(
                addresses.url,
                target.commit,
                seconds,
                self.service.aws.seconds,
                environment=self.environment,
                balancer=addresses.balancer_for(target),
            )
        except Failure as failure:
            self.left.append(str(failure))
            return ECS_ALONE
        if problem:
            self.left.append(f"{problem}. Correct {addresses.source}")
            return ECS_AND_BALANCER
        return VERIFIED

    def conclude(self, plan: Plan, proof: str) -> None:
        """Report what runs now, who confirms it, and what is left to do."""
        source, target = plan.source, plan.target
        print(f"{self.environment} runs {target}")
        if self.undone or proof == ECS_ALONE:
            leaving = f" --from {source.number}" if source else ""
            again = f"scripts/rollback {self.environment} --revision {target.number}{leaving}"
            self.left.append(f"Run {again}")
        result = f"{proof}, but {'. '.join(self.left)}" if self.left else proof
        output("result", result)
        if source:
            how = "rolled back" if plan.is_back else "returned"
            tell(f"{self.environment}: {how} from {source.version} to {target}, {result}")
        if proof == ECS_ALONE:
            raise Failure(f"{self.environment} runs {target}, {result}")

    def stop_what_moves(self, target: Revision) -> None:
        moving = primary(self.service.describe())
        under_way = moving.get("rolloutState") == "IN_PROGRESS"
        if under_way and moving["taskDefinition"] != target.arn:
            self.service.stop_deployment(120)

    def attempt(self, problem: str, act: Callable[[], None]) -> bool:
        """Do a step on which the service does not depend; if it fails, add it to what is left."""
        try:
            act()
        except Failure as failure:
            self.left.append(f"{problem}: {failure}")
            self.undone = True
            print(self.left[-1])
            return False
        return True


def migrations_between(old: str, new: str) -> list[str]:
    """Return the migrations since a commit, as far as a local clone knows them."""
    added = ("diff", "--name-only", "--diff-filter=A", old, new, "--", "*/migrations/*.py")
    try:
        return git(*added).split()
    except Failure:
        return ["unknown (no clone here)"]


def roll_back(
    environment: str,
    service: Service,
    *,
    version: str = "",
    revision: str = "",
    leave: str = "",
    yes: bool = False,
    seconds: float = 1200,
) -> bool:
    """Carry out a rollback; return whether nothing is left to do."""
    if is_base(revision):
        service.wait(service.move(revision, "--desired-count", "0", alarms=False), seconds)
        move_worker(service, None, seconds)
        output("result", "no tasks run, as before the first deploy")
        return True
    history = History(service.aws, f"myapp-{environment}-task")
    rollback = Rollback(environment, service, history)
    plan = rollback.plan(version, revision, leave)
    if not plan:
        return True
    rollback.explain(plan)
    addresses = Addresses.of(service, environment)
    if plan.moves and not yes and not confirm("Apply these changes?"):
        raise Failure(f"{environment} stays as it is (--yes skips the question)")
    return rollback.carry_out(plan, addresses, seconds)


def main() -> None:
    parser = argparse.ArgumentParser("scripts/rollback", description=__doc__, epilog=VARIABLES)
    parser.add_argument("environment", choices=ENVIRONMENTS)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--to", metavar="VERSION", default="", help="v1.2.2, or a full commit hash")
    where.add_argument("--revision", default="", help="of the task definition: 41, or its ARN")
    parser.add_argument(
        "--from",
        dest="leave",
        metavar="REVISION",
        default="",
        help="with --revision: do nothing if the service has left this revision in the meantime",
    )
    parser.add_argument("--yes", action="store_true", help="don't ask for confirmation")
    parser.add_argument("--seconds", type=seconds, default=1200, help="time limit (%(default)s)")
    args = parser.parse_args()

    def act() -> None:
        try:
            done = roll_back(
                args.environment,
                Service.of(args.environment),
                version=args.to,
                revision=args.revision,
                leave=args.leave,
                yes=args.yes,
                seconds=args.seconds,
            )
        except KeyboardInterrupt:
            raise Failure("interrupted. To complete it, run this again") from None
        if not done:
            sys.exit(LEFT)

    run("scripts/rollback", act)


if __name__ == "__main__":
    main()
