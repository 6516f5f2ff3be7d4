"""The templates of infra/ as data, with their functions evaluated."""

import re
from typing import Any

import yaml

from delivery.aws.infra_parameters import TEMPLATES as NAMES
from delivery.aws.infra_parameters import read_parameters
from delivery.paths import INFRA


class Loader(yaml.SafeLoader):
    """Loader of YAML with CloudFormation's short functions: !Ref x becomes {"Ref": x}."""


def short_function(
    loader: Loader, tag: str, node: yaml.ScalarNode | yaml.SequenceNode
) -> dict[str, Any]:
    if isinstance(node, yaml.SequenceNode):
        return {tag: loader.construct_sequence(node, deep=True)}
    value = str(loader.construct_scalar(node))
    return {tag: value.split(".", 1) if tag == "GetAtt" else value}


Loader.add_multi_constructor("!", short_function)
TEMPLATES: dict[str, dict[str, Any]] = {
    name: yaml.load((INFRA / f"{name}.yaml").read_text(), Loader) for name in NAMES  # noqa: S506
}


class Resolver:
    """A template with its functions evaluated for one environment."""

    def __init__(self, template: str, environment: str, **values: str) -> None:
        self.template = TEMPLATES[template]
        defaults = {
            name: parameter.get("Default", f"{name}-value")
            for name, parameter in self.template["Parameters"].items()
        }
        file = read_parameters(INFRA / f"parameters/{environment}.json")[2]
        pseudo = {"AWS::AccountId": "123456789012", "AWS::Region": "us-east-1"}
        pseudo |= {"AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com"}
        self.values = {**defaults, **file, **pseudo, "Environment": environment, **values}

    def resource(self, name: str) -> Any:
        return self.work_out(self.template["Resources"][name]["Properties"])

    def work_out(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self.work_out(item) for item in node if item != {"Ref": "AWS::NoValue"}]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((function, argument),) = node.items()
            match function:
                case "Ref":
                    return self.values.get(argument, f"{argument}-ref")
                case "GetAtt":
                    return f"{argument[0]}-{argument[1]}"
                case "Sub":
                    text, own = argument if isinstance(argument, list) else (argument, {})
                    known = self.values | self.work_out(own)
                    return re.sub(r"\$\{([\w:.]+)\}", lambda m: str(known.get(m[1], m[1])), text)
                case "If":
                    chosen = argument[1 if self.holds(argument[0]) else 2]
                    return None if chosen == {"Ref": "AWS::NoValue"} else self.work_out(chosen)
                case "Equals":
                    first, second = self.work_out(argument)
                    return str(first) == str(second)
                case "Not":
                    return not self.work_out(argument[0])
        found = {name: self.work_out(value) for name, value in node.items()}
        return {name: value for name, value in found.items() if value is not None}

    def holds(self, condition: str) -> bool:
        return bool(self.work_out(self.template["Conditions"][condition]))
