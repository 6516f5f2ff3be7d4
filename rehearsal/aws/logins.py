"""Docker's logins to the registry: the caller of each, and its permissions.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from pathlib import Path

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id
from ministack.services import ecr

from rehearsal.aws import authorization, settings
from rehearsal.aws.permissions import Permission, arn

USER = "AWS"
# The actions that ECR checks for a request of Docker.
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
ACTIONS = {
    ("manifest", "GET"): "BatchGetImage",
    ("manifest", "HEAD"): "BatchGetImage",
    ("manifest", "PUT"): "PutImage",
    ("manifest", "DELETE"): "BatchDeleteImage",
    ("blob", "GET"): "GetDownloadUrlForLayer",
    ("blob", "HEAD"): "BatchCheckLayerAvailability",
    ("blob_uploads", "POST"): "InitiateLayerUpload",
    ("blob_upload_session", "PATCH"): "UploadLayerPart",
    ("blob_upload_session", "GET"): "UploadLayerPart",
    ("blob_upload_session", "DELETE"): "UploadLayerPart",
    ("blob_upload_session", "PUT"): "CompleteLayerUpload",
    ("tags_list", "GET"): "ListImages",
}
# The access key for each password. On AWS, passwords expire after twelve hours.
passwords: dict[str, str] = {}


def issue(key: str) -> str:
    """Return the token of GetAuthorizationToken: a user and a new password for this caller."""
    password = secrets.token_urlsafe(32)
    passwords[password] = key
    return base64.b64encode(f"{USER}:{password}".encode()).decode()


def principal_of(headers: dict[str, str]) -> iam_evaluator.PrincipalInfo | None:
    """Return the access key of a request's token; empty if it has no valid token."""
    kind, _, token = headers.get("authorization", "").partition(" ")
    try:
        user, _, password = base64.b64decode(token).decode().partition(":")
    except ValueError:
        return None
    if kind.lower() != "basic" or user != USER or password not in passwords:
        return None
    found = iam_evaluator.resolve_principal(passwords[password], get_account_id())
    return found if isinstance(found, iam_evaluator.PrincipalInfo) else None


def refusal(method: str, path: str, headers: dict[str, str]) -> tuple[int, str, str] | None:
    """Return the status, code and message with which the registry refuses a request, if it does."""
    parsed = ecr._parse_v2_path(path)
    if parsed is None:
        return None
    principal = principal_of(headers)
    if principal is None:
        return 401, "UNAUTHORIZED", "no basic auth credentials"
    verb, name, _ = parsed
    if verb == "ping":
        return None
    action = ACTIONS.get((verb, method), "DescribeRepositories")
    why = authorization.decide(principal, of(action, name))
    return (403, "DENIED", why) if why else None


def may_mount(source: str, headers: dict[str, str]) -> bool:
    """Return whether a caller may read the repository from which it mounts a layer."""
    principal = principal_of(headers)
    if not source or not principal:
        return False
    return not authorization.decide(principal, of("GetDownloadUrlForLayer", source))


def of(action: str, name: str) -> Permission:
    return Permission(f"ecr:{action}", arn("ecr", f"repository/{name}") if name else "*")


def log_in_docker() -> None:
    """Give the Docker client of this process a login, with which ECS pulls images.

    On AWS a task's execution role pulls; whether its policy allows that is not checked here.
    """
    token = issue(settings.ADMINISTRATOR["AWS_ACCESS_KEY_ID"])
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"auths": {settings.REGISTRY: {"auth": token}}})
    (folder / "config.json").write_text(text)
