"""A fake AWS that accepts and returns only what botocore's descriptions allow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import botocore.session
from botocore import xform_name

from delivery.aws.client import Aws

SESSION = botocore.session.get_session()
SERVICES: dict[str, Any] = {}


class DocumentedAws(Aws):
    """A subclass has a method for each action; `calls` has the actions in order."""

    def __init__(self) -> None:
        super().__init__("us-east-1", seconds=0)
        self.calls: list[str] = []

    def __call__(self, service: str, action: str, *words: str) -> Any:
        self.calls.append(action)
        options = grouped(words)
        check_request(service, action, options)
        answer = getattr(self, action.replace("-", "_"))(
            {k: " ".join(v) for k, v in options.items()}
        )
        check_answer(service, action, answer)
        return answer if answer is not None else {}


def grouped(words: tuple[str, ...]) -> dict[str, list[str]]:
    options: dict[str, list[str]] = {}
    for word in words:
        if word.startswith("--"):
            options[word[2:]] = mine = []
        else:
            mine.append(word)
    return options


def operation(service: str, action: str) -> Any:
    model = SERVICES.setdefault(service, SESSION.get_service_model(service))
    names = {xform_name(name, "-"): name for name in model.operation_names}
    assert action in names, f"aws {service} {action}: AWS knows no such action"
    return model.operation_model(names[action])


def check_request(service: str, action: str, options: Mapping[str, list[str]]) -> None:
    shape = operation(service, action).input_shape
    members = {xform_name(name, "-") for name in shape.members} if shape else set()
    required = {xform_name(name, "-") for name in shape.required_members} if shape else set()
    named = {name.removeprefix("no-") for name in options}
    assert named <= members, f"aws {service} {action}: no option {named - members}"
    assert required <= named, f"aws {service} {action} needs {required - named}"


def check_answer(service: str, action: str, answer: Any) -> None:
    shape = operation(service, action).output_shape
    check_shape(f"aws {service} {action}", shape, answer) if answer else None


def check_shape(at: str, shape: Any, value: Any) -> None:
    if shape is None or (shape.type_name == "string" and not isinstance(value, str)):
        # The CLI decodes the JSON of a policy.
        assert isinstance(value, dict) and "Statement" in value, f"{at}: not answered"
    elif shape.type_name == "structure":
        for name, member in value.items():
            assert name in shape.members, f"{at}: AWS answers no {name}"
            check_shape(f"{at}.{name}", shape.members[name], member)
    elif shape.type_name == "list":
        for member in value:
            check_shape(f"{at}[]", shape.member, member)
    elif enum := getattr(shape, "enum", None):
        assert value in enum, f"{at}: {value} is none of {enum}"
