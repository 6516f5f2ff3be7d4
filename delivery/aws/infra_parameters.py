"""The parameters of an environment's stacks: infra/parameters/ENVIRONMENT.json."""

from __future__ import annotations

import json
import re
from pathlib import Path

from delivery.errors import Failure
from delivery.paths import INFRA

# In the order in which they are made.
TEMPLATES = ("network", "data", "load-balancer", "monitoring", "service", "alarms", "delivery")
# Not in the file: scripts/deploy-infra gets or finds these values.
OWN = {"Environment", "RunningRevision", "Deployed"}


def declared(template: str, section: str) -> dict[str, str]:
    """Return the names in a template's Parameters or Outputs, by the layout of our YAML."""
    text = (INFRA / f"{template}.yaml").read_text()
    match = re.search(rf"^{section}:\n((?:(?: .*)?\n)+)", text, re.MULTILINE)
    found = re.findall(r"^  (\w+):\n((?:    .*\n)+)", match[1], re.MULTILINE) if match else []
    return dict(found)


def check_one_place(folder: Path) -> None:
    """Raise Failure where staging and production differ in account, region or architecture.

    A release is copied inside one registry, which the workflow of production logs in to, and is
    the image that staging ran.
    """
    staging, production = (one_place(folder, name) for name in ("staging", "production"))
    for name, ours in staging.items():
        if ours != production[name]:
            raise Failure(
                f"{folder}: {name} is {ours} in staging.json and {production[name]} in"
                f" production.json. Both must have the same {name}, because a release copies"
                " staging's image inside one registry"
            )


def one_place(folder: Path, environment: str) -> dict[str, str]:
    """Return the values that both environments must share."""
    account, region, values = read_parameters(folder / f"{environment}.json")
    return {
        "account": account,
        "region": region,
        "Architecture": values.get("Architecture", "X86_64"),
    }


def read_parameters(path: Path) -> tuple[str, str, dict[str, str]]:
    """Return account, region and parameters; raise Failure if a template lacks a parameter."""
    try:
        content = json.loads(path.read_text())
        account, region, values = content["account"], content["region"], content["parameters"]
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise Failure(f"{path}: is not JSON with account, region and parameters") from None
    known: set[str] = set()
    outputs: set[str] = set()
    for template in TEMPLATES:
        parameters = declared(template, "Parameters")
        known |= parameters.keys()
        optional = {name for name, block in parameters.items() if "\n    Default:" in f"\n{block}"}
        if missing := sorted(parameters.keys() - optional - outputs - OWN - values.keys()):
            raise Failure(f"{path}: {', '.join(missing)} missing, see infra/{template}.yaml")
        outputs |= declared(template, "Outputs").keys()
    if unknown := sorted(values.keys() - known | values.keys() & (OWN | outputs)):
        raise Failure(f"{path}: {', '.join(unknown)}: not parameters that can be set there")
    return str(account), str(region), {name: str(value) for name, value in values.items()}
