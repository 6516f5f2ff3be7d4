"""Permissions of deploys: all that their workflows use, and nothing else."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.delivery import documented_aws
from tests.delivery.cloudformation import Resolver
from tests.delivery.in_process import ROOT, module_of

# AWS answers it to everybody.
NEEDS_NO_PERMISSION = "sts:GetCallerIdentity"
PREFIXES = {"elbv2": "elasticloadbalancing"}
# What the actions and skopeo ask of ECR, and ECS of others on behalf of its caller.
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
LOGIN = {"ecr:GetAuthorizationToken"}
PUSH = {
    f"ecr:{name}"
    for name in (
        *("BatchCheckLayerAvailability", "BatchGetImage", "CompleteLayerUpload"),
        *("InitiateLayerUpload", "PutImage", "UploadLayerPart"),
    )
}
PULL = {"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}
BY_ECS = {"cloudwatch:DescribeAlarms", "iam:PassRole"}


def iam_action(service: str, action: str) -> str:
    name = documented_aws.operation(service, action).name
    return f"{PREFIXES.get(service, service)}:{name}"


def imported_from(path: Path) -> set[Path]:
    """Return a module of delivery/, and those that it imports from there in turn."""
    found, wanted = set[Path](), {path}
    while wanted:
        found.add(module := wanted.pop())
        names = [
            n.module
            for n in ast.walk(ast.parse(module.read_text()))
            if isinstance(n, ast.ImportFrom)
        ]
        files = {ROOT / f"{name.replace('.', '/')}.py" for name in names if name}
        wanted |= {file for file in files if file.is_file() and "delivery" in file.parts} - found
    return found


def called_by(path: Path) -> Iterator[tuple[str, str]]:
    """Yield service and action of each call of the AWS CLI in a module."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and re.search(r"\baws$", ast.unparse(node.func)):
            words = [a.value if isinstance(a, ast.Starred) else a for a in node.args]
            flat = [e for w in words for e in (w.elts if isinstance(w, ast.Tuple) else [w])]
            match [e.value if isinstance(e, ast.Constant) else None for e in flat[:2]]:
                case [str(service), str(action)]:
                    yield service, action


def used_by(workflow: str) -> set[str]:
    """Return the actions that the scripts and the actions of a workflow need."""
    text = (ROOT / ".github/workflows" / workflow).read_text()
    calls = set(re.findall(r"\baws (\w+) ([a-z-]+)", text))
    for name in re.findall(r"scripts/([a-z-]+)", text):
        if module := module_of(f"scripts/{name}"):
            for path in imported_from(ROOT / f"{module.replace('.', '/')}.py"):
                calls |= set(called_by(path))
    pulls = PULL if "scripts/promote-image" in text else set[str]()
    needed = {iam_action(*call) for call in calls} | LOGIN | PUSH | pulls | BY_ECS
    return needed - {NEEDS_NO_PERMISSION}


@pytest.mark.parametrize(
    ("environment", "workflow"),
    [("staging", "deploy-staging.yml"), ("production", "deploy-prod.yml")],
)
def test_deploys_have_exactly_the_permissions_that_they_use(
    environment: str, workflow: str
) -> None:
    document = Resolver("delivery", environment).resource("DeployPolicy")["PolicyDocument"]
    actions = [s["Action"] for s in document["Statement"] if s]
    allowed = {a for some in actions for a in ([some] if isinstance(some, str) else some)}
    assert allowed == used_by(workflow)
