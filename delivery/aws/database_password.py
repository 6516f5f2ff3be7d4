"""Rotation of the MySQL password of an environment while its tasks keep opening connections.

An account of MySQL may have two passwords. The rotation keeps the present one as the second before
it changes the first, and discards it when every task has started with the new one. Only tasks know
a password: each has the one in its DATABASE_URL.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from delivery.aws.client import Aws
from delivery.aws.deploy_infra import Environment
from delivery.aws.ecs import Service, is_base, primary
from delivery.aws.infra_parameters import read_parameters
from delivery.command import confirm
from delivery.deploy.restart import restart
from delivery.errors import Failure

NUMBER = "DatabasePasswordNumber"
# The tag of a password's secret which says that the previous password was discarded.
DONE = "old-password"


def secret_name(environment: str, number: int) -> str:
    return f"myapp-{environment}-database-password-{number}"


def password_number(aws: Aws, environment: str) -> int:
    """Return the number of the password in the stack; 0 if there is no stack."""
    stack = Environment(environment, aws, {}, yes=False).describe(f"myapp-{environment}-data")
    given = {p["ParameterKey"]: p["ParameterValue"] for p in stack.get("Parameters", [])}
    return int(given.get(NUMBER, 1)) if stack else 0


def write_number(path: Path, number: int) -> None:
    """Set the number in a parameter file, and keep everything else."""
    content = json.loads(path.read_text())
    content["parameters"][NUMBER] = str(number)
    path.write_text(f"{json.dumps(content, indent=2)}\n")


@dataclass
class PasswordRotation:
    """A rotation of the password of one environment, which resumes an interrupted one."""

    environment: str
    aws: Aws
    path: Path
    yes: bool = False
    seconds: float = 1200

    def __post_init__(self) -> None:
        names = f"myapp-{self.environment}-cluster", f"myapp-{self.environment}-service"
        self.service = Service(self.aws, *names)

    def rotate(self) -> None:
        if is_base(self.service.settled()["taskDefinition"]):
            raise Failure(f"nothing was deployed to {self.environment} yet")
        has = self.settled_number()
        wanted = int(read_parameters(self.path)[2].get(NUMBER, 1))
        if wanted not in (has, has + 1):
            raise Failure(
                f"{self.path}: {NUMBER} is {wanted}, but the stack has {has}: pull the commit of"
                " the last rotation"
            )
        if wanted == has and not self.is_done(has):
            print(f"resuming the rotation to password {has}")
        else:
            wanted = has + 1
            self.begin(wanted)
        self.finish(wanted)
        print(f"{self.environment} runs with password {wanted} alone. Commit {self.path}")

    def settled_number(self) -> int:
        """Return the number of the password in the stack; raise Failure while that is changing."""
        infra = Environment(self.environment, self.aws, {}, self.yes)
        stack = f"myapp-{self.environment}-data"
        if not (status := infra.status(stack)):
            raise Failure(f"{stack} is not there: scripts/deploy-infra {self.environment}")
        infra.refuse_unfit(stack, status)
        return password_number(self.aws, self.environment)

    def is_done(self, number: int) -> bool:
        """Return whether the password before this one was discarded."""
        secret = self.aws(
            *("secretsmanager", "describe-secret"),
            *("--secret-id", secret_name(self.environment, number)),
        )
        return number == 1 or DONE in {tag["Key"] for tag in secret.get("Tags", [])}

    def begin(self, number: int) -> None:
        """Keep the present password as the second one, and let CloudFormation make a new one."""
        print(f"{self.environment} gets password {number}, which {self.path} records. Each task is")
        print("replaced by one that uses it.")
        if not self.yes and not confirm("Apply these changes?"):
            raise Failure(f"{self.environment} keeps its password (--yes skips the question)")
        # This reads the present password from DATABASE_URL, which will have the new one later.
        self.task("keep")
        write_number(self.path, number)
        self.deploy_infra()

    def deploy_infra(self) -> None:
        values = read_parameters(self.path)[2]
        Environment(self.environment, self.aws, values, self.yes).deploy()

    def finish(self, number: int) -> None:
        """Replace every task, and discard the old password when the new tasks are healthy."""
        self.task("check")
        restart(self.service, self.environment, self.seconds)
        self.task("discard")
        self.aws(
            *("secretsmanager", "tag-resource", "--tags", f"Key={DONE},Value=discarded"),
            *("--secret-id", secret_name(self.environment, number)),
        )

    def task(self, act: str) -> None:
        """Run one step in a task, because only tasks reach MySQL."""
        running = primary(self.service.settled())["taskDefinition"]
        command = ["python", "manage.py", "database_password", act]
        self.service.run_once(running, command, self.seconds)
