"""Authorization: check each call of AWS against the policies of its caller.

ministack checks signatures and evaluates policies (AUTH=true). permissions.py has what it lacks:
the resources of ECS, the condition keys of services, and calls that need several permissions.
The administrator's keys (settings.ADMINISTRATOR) are those of the account's root.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.core.iam_evaluator import (
    AuthError,
    EvalContext,
    EvalResult,
    ParsedStatement,
    PrincipalInfo,
)
from ministack.core.responses import get_account_id, get_region
from ministack.core.router import extract_access_key_id

from rehearsal.aws.cloudwatch import nested
from rehearsal.aws.faults import FORM
from rehearsal.aws.patches import replaces
from rehearsal.aws.permissions import Permission, needed
from rehearsal.aws.records import Answer, Json

UNKNOWN = "Unknown"
# No policy can deny this action: ministack only checks the signature.
ALWAYS_ALLOWED = "sts:GetCallerIdentity"


@dataclass
class SignedCall:
    """A signed call, and the reason if it was refused."""

    headers: dict[str, str]
    body: bytes
    query: Json
    refused: Permission | None = None
    why: str = ""

    def request(self) -> Json:
        """Return the parameters of the call, in any protocol."""
        if self.headers.get("content-type", "").startswith(FORM):
            return nested(parse_qs(self.body.decode("latin-1")))
        try:
            found = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def refuse(self, principal: PrincipalInfo, permission: Permission, why: str) -> EvalResult:
        self.refused, self.why = permission, why
        return EvalResult("ImplicitDeny", principal.arn, reason=why)


current: ContextVar[SignedCall | None] = ContextVar("rehearsal_call", default=None)
# The number of checks by caller, action, resource and decision.
decisions: Counter[tuple[str, str, str, bool]] = Counter()


def describe() -> Json:
    """Return the decisions so far, for /_rehearsal/permissions."""
    names = ("principal", "action", "resource", "allowed", "times")
    return {
        "decisions": [
            dict(zip(names, (*key, times), strict=True)) for key, times in sorted(decisions.items())
        ]
    }


def caller() -> str:
    """Return the access key of the present call; empty if there is no call."""
    call = current.get()
    return str(extract_access_key_id(call.headers, call.query)) if call else ""


def decide(principal: PrincipalInfo, permission: Permission) -> str:
    """Return why a principal does not have a permission; empty if it has."""
    if principal.policies is None:
        return ""
    context = EvalContext(
        principal_arn=principal.arn,
        principal_type=principal.type,
        principal_account=principal.account,
        action=permission.action,
        resource_arn=permission.resource,
        region=get_region(),
        service_context={key.lower(): value for key, value in permission.context.items()},
        principal_keys=principal.keys,
    )
    why = next(cannot_evaluate(principal, context), "")
    if not why:
        found = iam_evaluator.evaluate(context, principal.policies, *principal.limits)
        if found.decision != "Allow":
            why = iam_actions.identity_denial_message(
                permission.action, principal.arn, permission.resource, found.decision == "Deny"
            )
    decisions[(principal.arn, permission.action, permission.resource, not why)] += 1
    return why


def cannot_evaluate(principal: PrincipalInfo, context: EvalContext) -> Iterator[str]:
    """Yield a message for each statement on an action that the local AWS cannot evaluate."""
    for layer in (principal.policies or [], *principal.limits):
        for statement in (one for policy in layer for one in policy):
            if iam_evaluator._action_matches(
                context.action, statement.actions, statement.not_actions
            ):
                for what in unknown_parts(statement, context):
                    yield (
                        f"The local AWS cannot evaluate {what} in the statement"
                        f" {statement.sid or statement.actions}, so it refuses {context.action}"
                        f" to {principal.arn}: add it to rehearsal/aws/permissions.py"
                    )


def unknown_parts(statement: ParsedStatement, context: EvalContext) -> Iterator[str]:
    """Yield the variables, operators and keys of a statement that the local AWS does not know."""
    if "${" in json.dumps([statement.resources, statement.not_resources, statement.conditions]):
        yield "a variable"
    for operator, keys in statement.conditions.items():
        name = operator.lower().removeprefix("forallvalues:").removeprefix("foranyvalue:")
        if name.removesuffix("ifexists") not in (*iam_evaluator._CONDITION_OPS, "null"):
            yield f"the operator {operator}"
        for key in keys:
            known = key.lower() in context.service_context
            if not known and iam_evaluator._resolve_condition_key(key, context) is None:
                yield f"the key {key}"


@replaces(app, "_dispatch_service_request")
async def dispatch(
    original: Callable[..., Awaitable[Answer]],
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query: Json,
    request_id: str,
) -> Answer:
    """Store the whole call while ministack checks it; its own checks see only a part."""
    reset = current.set(SignedCall(headers, body, query))
    try:
        return await original(method, path, headers, body, query, request_id)
    finally:
        current.reset(reset)


@replaces(iam_actions, "extract_iam_action")
def action_of(original: Callable[..., str | None], service: str, *words: Any) -> str:
    """AWS has an action for each call; ministack allows calls whose action it does not know."""
    return original(service, *words) or f"{service}:{UNKNOWN}"


@replaces(iam_evaluator, "enforce")
def enforce(
    original: Callable[..., EvalResult | AuthError | None],
    key: str,
    action: str,
    service: str,
    region: str,
    *words: Any,
    **named: Any,
) -> EvalResult | AuthError | None:
    """AWS checks each permission that a call needs; ministack only one, on a guessed resource."""
    call = current.get()
    if call is None or iam_evaluator.is_root_access_key(key):
        return original(key, action, service, region, *words, **named)
    if failure := original(key, ALWAYS_ALLOWED, service, region):
        return failure
    principal = iam_evaluator.resolve_principal(key, get_account_id())
    if isinstance(principal, AuthError):
        return principal
    permissions = needed(action, call.request())
    if not permissions:
        why = (
            f"The local AWS does not know which permissions {action} needs, so it refuses it to"
            f" {principal.arn}: add the action to rehearsal/aws/permissions.py"
        )
        return call.refuse(principal, Permission(action), why)
    for permission in permissions:
        if permission.action != ALWAYS_ALLOWED and (why := decide(principal, permission)):
            return call.refuse(principal, permission, why)
    return None


@replaces(iam_actions, "access_denied_response")
def access_denied(
    original: Callable[..., Answer], service: str, action: str, *words: Any, **named: Any
) -> Answer:
    """AWS names the permission and its resource, and answers 400 if the protocol is JSON.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/CommonErrors.html
    """
    call = current.get()
    if call and call.refused:
        named |= {"message": call.why, "error_code": "AccessDenied"}
    status, headers, body = original(service, action, *words, **named)
    is_json = headers.get("Content-Type", "").startswith("application/x-amz-json")
    return 400 if is_json else status, headers, body
