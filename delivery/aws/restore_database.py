"""Restore the database of an environment to a moment, and move the service to it.

RDS makes a new instance from its backups, beside the one in use. The command prints how many rows
each table has on both, and asks for confirmation. Then it exchanges the names of the instances, so
that endpoint, secret and stack stay as they are, and restarts the tasks. It deletes nothing: --back
exchanges the names again. If it is interrupted, run it again: it resumes. The exit code is 0 when
the service is ready on the restored database, and 1 otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from delivery.aws.client import STDIN, Aws, check_account
from delivery.aws.database_password import password_number, secret_name
from delivery.aws.ecs import Service, is_base, primary
from delivery.aws.infra_parameters import read_parameters
from delivery.command import confirm, run, seconds
from delivery.deploy.restart import restart
from delivery.environments import ENVIRONMENTS
from delivery.errors import Failure
from delivery.paths import INFRA

# The states that RDS does not leave without help.
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html
STUCK = ("failed", "incompatible", "inaccessible", "insufficient", "restore-error", "storage-full")
PLAN = """\
The database of {self.environment} goes back to {at}:
  1. RDS makes {self.restored} from the backups of {self.used}.
     The service goes on meanwhile. On AWS this takes minutes to hours.
  2. The rows of both are counted, and you are asked.
  3. The names are exchanged. On AWS the service has no database for up to 20 minutes.
     What was written since stays in {self.replaced}.
A second {size} costs as much as the first, until you delete one of them. See docs/restore.md"""
Instances = dict[str, dict[str, Any]]


def moment(text: str) -> datetime:
    """Return a time with a zone, in whole seconds of UTC, as RDS restores to."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2026-01-31T10:04Z") from None
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} has no zone: write {text}Z, or {text}+02:00")
    return found.astimezone(UTC).replace(microsecond=0)


def is_available(*instances: dict[str, Any]) -> bool:
    return all(instance["DBInstanceStatus"] == "available" for instance in instances)


@dataclass
class Restoration:
    """A restoration of one environment to one moment, which resumes an interrupted one.

    Names alone say how far it is: the instance in use is `used`, the new one is `restored` until it
    is used, and the one that was used before is `replaced` from then on.
    """

    environment: str
    aws: Aws
    at: datetime
    yes: bool = False
    seconds: float = 7200
    said: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.used = f"myapp-{self.environment}"
        stamp = f"{self.at:%Y%m%dt%H%M%Sz}"
        self.restored, self.replaced = (
            f"{self.used}-{word}-{stamp}" for word in ("restored", "replaced")
        )
        self.command = (
            f"scripts/restore-database {self.environment} --at {self.at:%Y-%m-%dT%H:%M:%SZ}"
        )
        self.service = Service(self.aws, f"{self.used}-cluster", f"{self.used}-service")

    def restore(self) -> None:
        """Make the instance of that moment, unless it exists, and move the service to it."""
        self.check_service()
        if self.instances().keys() == {self.used}:
            self.make()
        self.move(self.restored, self.replaced)
        print(f"{self.replaced} has the data from before, and costs as much as {self.used}.")
        print(f"To go back to it: {self.command} --back")
        self.explain_removal(self.replaced)

    def back(self) -> None:
        """Move the service back to the instance from before."""
        self.check_service()
        if self.instances().keys() == {self.used}:
            raise Failure(f"neither {self.replaced} nor {self.restored} exists: nothing to go back")
        self.move(self.replaced, self.restored)
        self.explain_removal(self.restored)

    def check_service(self) -> None:
        if is_base(self.service.settled()["taskDefinition"]):
            raise Failure(f"nothing was deployed to {self.environment} yet")

    def instances(self) -> Instances:
        """Return those of the three instances that exist; raise Failure if there is none."""
        listed = self.aws("rds", "describe-db-instances")["DBInstances"]
        known = {str(instance["DBInstanceIdentifier"]): instance for instance in listed}
        names = (self.used, self.restored, self.replaced)
        found = {name: known[name] for name in names if name in known}
        if not found:
            raise Failure(f"{self.used} does not exist: scripts/deploy-infra {self.environment}")
        return found

    def make(self) -> None:
        """Let RDS make an instance with the data of that moment, alike in all settings."""
        source = self.instances()[self.used]
        self.check_window(source)
        print(PLAN.format(self=self, at=self.at.isoformat(), size=source["DBInstanceClass"]))
        self.aws(
            *("rds", "restore-db-instance-to-point-in-time"),
            *("--source-db-instance-identifier", self.used),
            *("--target-db-instance-identifier", self.restored),
            *("--restore-time", f"{self.at:%Y-%m-%dT%H:%M:%SZ}"),
            *settings_of(source),
        )

    def check_window(self, source: dict[str, Any]) -> None:
        """Raise Failure if RDS can't restore to that moment."""
        if self.at > datetime.now(UTC):
            raise Failure(f"{self.at.isoformat()} is in the future")
        backups = self.aws(
            *("rds", "describe-db-instance-automated-backups"),
            *("--dbi-resource-id", source["DbiResourceId"]),
        )["DBInstanceAutomatedBackups"]
        window = backups[0].get("RestoreWindow", {}) if backups else {}
        if "EarliestTime" not in window:
            raise Failure(f"{self.used} has no backup yet: the first one is made within a day")
        first, last = (datetime.fromisoformat(window[f"{w}Time"]) for w in ("Earliest", "Latest"))
        if self.at < first:
            raise Failure(
                f"{self.used} can be restored to {first.isoformat()} and later, not before"
            )
        if self.at > last:
            raise Failure(
                f"{self.used} can be restored until {last.isoformat()} so far: the backups are some"
                " five minutes behind. Run this again later"
            )

    def move(self, incoming: str, outgoing: str) -> None:
        """Let the service use another instance, which gets the name of the one in use."""
        if self.instances().keys() >= {self.used, incoming}:
            self.prepare(incoming)
            # On the way back they were compared before, and nothing but the names may be needed.
            if incoming == self.restored:
                self.compare(incoming)
            self.ask(incoming)
        else:
            print(f"resuming the move to {incoming}")
        self.exchange(incoming, outgoing)
        try:
            # The errors of the time without a database must not undo this deployment.
            restart(self.service, self.environment, self.seconds, alarms=False)
        except Failure as failure:
            raise Failure(
                f"{self.used} is what was {incoming}, but {self.environment} is not known to be"
                f" ready: {failure}. See docs/restore.md"
            ) from None
        self.compare(outgoing)
        # The record of releases is of another time too.
        self.run_task("record_release")
        print(f"{self.environment} is ready, and {self.used} is what was {incoming}")

    def prepare(self, incoming: str) -> None:
        """Give an instance the password of DATABASE_URL: it has the one of its own time."""
        self.wait(lambda found: incoming in found and is_available(found[incoming]))
        number = password_number(self.aws, self.environment)
        secret = secret_name(self.environment, number)
        answer = self.aws("secretsmanager", "get-secret-value", "--secret-id", secret)
        self.aws.with_secret(
            answer["SecretString"],
            *("rds", "modify-db-instance", "--db-instance-identifier", incoming),
            *("--master-user-password", STDIN, "--apply-immediately"),
        )
        self.wait(
            lambda found: is_available(found[incoming])
            and "MasterUserPassword" not in found[incoming].get("PendingModifiedValues", {})
        )

    def compare(self, other: str) -> None:
        """Print the rows of the instance in use and of another one, which only tasks reach."""
        self.run_task("compare_databases", self.instances()[other]["Endpoint"]["Address"])

    def run_task(self, *command: str) -> None:
        running = primary(self.service.settled())["taskDefinition"]
        self.service.run_once(running, ["python", "manage.py", *command], self.seconds)

    def ask(self, incoming: str) -> None:
        if not self.yes and not confirm(f"Move {self.environment} to {incoming}?"):
            if incoming == self.restored:
                print(f"Both instances stay. To move later: {self.command}")
                self.explain_removal(incoming)
            raise Failure(f"{self.environment} keeps its database (--yes: don't ask)")

    def exchange(self, incoming: str, outgoing: str) -> None:
        """Give the instance in use another name, and its name to the incoming one."""
        both = {self.used, incoming, outgoing}
        while True:
            found = self.wait(
                lambda found: len(found.keys() & both) == 2 and is_available(*found.values())
            )
            if incoming not in found:
                return
            if self.used in found:
                self.rename(self.used, outgoing)
            else:
                self.rename(incoming, self.used)

    def rename(self, old: str, new: str) -> None:
        print(f"{old} gets the name {new}")
        self.aws(
            *("rds", "modify-db-instance", "--db-instance-identifier", old),
            *("--new-db-instance-identifier", new, "--apply-immediately"),
        )
        self.wait(lambda found: new in found and old not in found and is_available(found[new]))

    def wait(self, done: Callable[[Instances], bool]) -> Instances:
        """Wait for a state of the instances, and return it; print how it changes."""
        begin = time.monotonic()
        while True:
            found = self.instances()
            for name, instance in found.items():
                self.report(name, instance["DBInstanceStatus"], time.monotonic() - begin)
            if done(found):
                return found
            if time.monotonic() >= begin + self.seconds:
                raise Failure(f"not done after {self.seconds:.0f} s. Run this again: it resumes")
            self.aws.wait()

    def report(self, name: str, status: str, seconds: float) -> None:
        """Print a new status, and one that lasts each minute; raise Failure if RDS is stuck."""
        if status.startswith(STUCK):
            raise Failure(f"{name} is {status}: see its events in RDS")
        lasts = status != "available" and seconds >= 60
        line = f"{name}: {status}{f' since {seconds // 60:.0f} min' if lasts else ''}"
        if line != self.said.get(name):
            print(line)
            self.said[name] = line

    def explain_removal(self, name: str) -> None:
        print(f"To delete {name}, which keeps a last snapshot:")
        rds = f"aws rds --region {self.aws.region}"
        if self.instances()[name].get("DeletionProtection"):
            unprotect = "--no-deletion-protection --apply-immediately"
            print(f"  {rds} modify-db-instance --db-instance-identifier {name} {unprotect}")
        last = f"--final-db-snapshot-identifier {name}"
        print(f"  {rds} delete-db-instance --db-instance-identifier {name} {last}")


def settings_of(source: dict[str, Any]) -> list[str]:
    """Return the options that make a restored instance like its source, and not RDS's default."""
    groups = [group["VpcSecurityGroupId"] for group in source["VpcSecurityGroups"]]
    tags = [tag for tag in source.get("TagList", []) if not tag["Key"].startswith("aws:")]
    words = [
        *("--db-subnet-group-name", source["DBSubnetGroup"]["DBSubnetGroupName"]),
        *("--db-parameter-group-name", source["DBParameterGroups"][0]["DBParameterGroupName"]),
        *("--vpc-security-group-ids", *groups),
        *("--ca-certificate-identifier", source["CACertificateIdentifier"]),
    ]
    for option, name in (
        ("multi-az", "MultiAZ"),
        ("publicly-accessible", "PubliclyAccessible"),
        ("auto-minor-version-upgrade", "AutoMinorVersionUpgrade"),
        ("copy-tags-to-snapshot", "CopyTagsToSnapshot"),
        ("deletion-protection", "DeletionProtection"),
    ):
        words.append(f"--{option}" if source[name] else f"--no-{option}")
    if largest := source.get("MaxAllocatedStorage"):
        words += ["--max-allocated-storage", str(largest)]
    if support := source.get("EngineLifecycleSupport"):
        words += ["--engine-lifecycle-support", support]
    if logs := source.get("EnabledCloudwatchLogsExports"):
        words += ["--enable-cloudwatch-logs-exports", *logs]
    return [*words, "--tags", json.dumps(tags)] if tags else words


def main() -> None:
    parser = argparse.ArgumentParser("scripts/restore-database", description=__doc__)
    parser.add_argument("environment", choices=ENVIRONMENTS)
    parser.add_argument(
        "--at",
        type=moment,
        metavar="TIME",
        required=True,
        help="the moment, with its zone: 2026-01-31T10:04Z, or 2026-01-31T11:04:30+01:00",
    )
    parser.add_argument("--back", action="store_true", help="use the instance from before again")
    parser.add_argument("--parameters", type=Path, metavar="FILE", help="other than the usual file")
    parser.add_argument("--yes", action="store_true", help="don't ask")
    parser.add_argument(
        "--seconds", type=seconds, default=7200, help="for each step at most (%(default)s)"
    )
    args = parser.parse_args()
    path = args.parameters or INFRA / "parameters" / f"{args.environment}.json"
    path = Path(os.path.relpath(path))

    def act() -> None:
        account, region, _ = read_parameters(path)
        aws = Aws(region)
        check_account(aws, account, path)
        restoration = Restoration(args.environment, aws, args.at, args.yes, args.seconds)
        restoration.back() if args.back else restoration.restore()

    run("scripts/restore-database", act)


if __name__ == "__main__":
    main()
