"""Parts of an AWS account that its environments share, so no stack of one of them can own them."""

from __future__ import annotations

from delivery.aws.client import Aws
from delivery.command import confirm
from delivery.errors import Failure

GITHUB = "token.actions.githubusercontent.com"
# Each part with the call that creates it, and IAM's answers if somebody else was faster.
ECS_ROLE = "the service-linked role of ECS"
PROVIDER = "GitHub's identity provider"
CALLS = {
    ECS_ROLE: ("create-service-linked-role", "--aws-service-name", "ecs.amazonaws.com"),
    PROVIDER: (
        *("create-open-id-connect-provider", "--url", f"https://{GITHUB}"),
        *("--client-id-list", "sts.amazonaws.com"),
    ),
}
EXISTS = ("EntityAlreadyExists", "has been taken in this account")


def make_shared_parts(aws: Aws, subject: str, yes: bool) -> None:
    """Make the shared parts that the account lacks: ECS's role, and for a role GitHub's provider.

    A first cluster makes ECS's role itself, and fails because IAM does not know it everywhere yet.
    """
    absent = [] if has_ecs_role(aws) else [ECS_ROLE]
    absent += [PROVIDER] if subject and not has_provider(aws) else []
    if not absent:
        return
    print(f"this AWS account lacks {' and '.join(absent)}")
    if not yes and not confirm("Create what is missing?"):
        raise Failure("nothing was created (--yes skips the question)")
    for part in absent:
        try:
            aws("iam", *CALLS[part])
        except Failure as failure:
            if not any(words in str(failure) for words in EXISTS):
                raise


def has_ecs_role(aws: Aws) -> bool:
    try:
        aws("iam", "get-role", "--role-name", "AWSServiceRoleForECS")
    except Failure as failure:
        if "NoSuchEntity" not in str(failure):
            raise
        return False
    return True


def has_provider(aws: Aws) -> bool:
    """Return whether the account has GitHub's identity provider; it can have one at most."""
    known = aws("iam", "list-open-id-connect-providers")["OpenIDConnectProviderList"]
    return any(provider["Arn"].endswith(f"/{GITHUB}") for provider in known)
