"""Values for GitHub, read from a file or from the terminal."""

from __future__ import annotations

import configparser
import re
import stat
from getpass import getpass
from pathlib import Path

from delivery.aws.infra_parameters import read_parameters
from delivery.checks.check_configuration import missing
from delivery.environments import SOURCES
from delivery.errors import Failure
from delivery.github.github_settings import OWN, is_own, places, uses
from delivery.paths import INFRA

# By place ("" is the repository) and name.
Values = dict[tuple[str, str], str]
# The kind of processor, in infra/parameters and in GitHub; the default is X86.
ARCHITECTURE, X86 = "ARCHITECTURE", "X86_64"
FORMS = {
    "APP_URL": (r"https?://\S+", "begins with http:// or https://"),
    "STAGING_URL": (r"https?://\S+", "begins with http:// or https://"),
    "AWS_ROLE_ARN": (r"arn:aws[a-z-]*:iam::\d{12}:role/\S+", "looks like arn:aws:iam::…:role/…"),
    "SLACK_WEBHOOK_URL": (r"https://\S+", "begins with https://"),
    "TEST_PORT_PREFIX": (r"[1-5]", "is a digit from 1 to 5"),
}


def check(name: str, value: str) -> str:
    """Return a valid value; the message of a Failure leaves it out, as it may be a secret."""
    form, means = FORMS.get(name, (r"\S.*", "is one line and not empty"))
    if not re.fullmatch(form, value):
        raise Failure(f"{name}: give a value that {means}")
    return value


def kinds() -> dict[str, str]:
    return {use.name: use.kind for use in uses()}


def read(path: Path) -> Values:
    """Return the NAME = value lines of a file, under [repository], [staging] and [production]."""
    parser = configparser.ConfigParser(interpolation=None, delimiters=["="], comment_prefixes=["#"])
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        with path.open() as file:
            mode = stat.S_IMODE(path.stat().st_mode)
            parser.read_file(file)
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}") from None
    except (configparser.Error, UnicodeDecodeError) as error:
        # Not the text of the error, which quotes the line.
        line = f", line {error.lineno}" if hasattr(error, "lineno") else ""
        raise Failure(f"{path}{line}: expected NAME = value below [repository] or such") from None
    if mode & 0o077:
        raise Failure(f"{path}: other users can read these secrets: chmod 600 {path}")
    values: Values = {}
    for section in parser.sections():
        place = "" if section == "repository" else section
        if place and place not in SOURCES:
            known = ", ".join(f"[{name}]" for name in ("repository", *SOURCES))
            raise Failure(f"{path}: [{section}] is not one of {known}")
        for name, value in parser[section].items():
            if name not in kinds():
                raise Failure(f"{path}: {name}: no workflow reads it")
            if place not in places(name):
                right = " or ".join(f"[{where or 'repository'}]" for where in places(name))
                raise Failure(f"{path}: {name} belongs in {right}, not [{section}]")
            values[place, name] = check(name, value)
    return values


def ask(there: set[tuple[str, str]]) -> Values:
    """Ask for the values that GitHub lacks; an empty answer leaves one unset."""
    values: Values = {}

    def one(place: str, name: str) -> bool:
        """Return whether a value is set, now or before."""
        if (place, name) in there:
            return True
        prompt = f"{name} of {place or 'the repository'} (empty: leave it unset): "
        value = (getpass if kinds()[name] == "secret" else input)(prompt).strip()
        if value:
            values[place, name] = check(name, value)
        return bool(value)

    for place in SOURCES:
        one(place, "APP_URL")
        keys = [name for name in kinds() if name not in OWN[:2] and is_own(name, place)]
        has_keys = all((place, name) in there for name in keys)
        if not has_keys and not one(place, "AWS_ROLE_ARN"):
            for name in keys:
                one(place, name)
    for name in ("SLACK_WEBHOOK_URL", "CODECOV_TOKEN"):
        one("", name)
    return values


def seen_by(there: Values, environment: str) -> dict[str, str]:
    """Return the values that scripts/check-configuration gets in a job of an environment."""
    given = {name: value for (place, name), value in there.items() if not place}
    given |= {name: value for (place, name), value in there.items() if place == environment}
    return given | {"STAGING": there.get(("", "STAGING_URL"), "")}


def demanded(there: Values) -> Values:
    """Return the variable DEPLOY_REQUIRED, once an environment has all values.

    Without it, a deploy that has lost a value would be skipped and green.
    """
    is_set = any(name == "DEPLOY_REQUIRED" for _, name in there)
    ready = any(not missing(environment, seen_by(there, environment)) for environment in SOURCES)
    return {("", "DEPLOY_REQUIRED"): "true"} if ready and not is_set else {}


def architecture(there: Values) -> Values:
    """Return the variable that chooses the runner, if it differs from infra/parameters."""
    wanted = read_parameters(INFRA / "parameters" / "staging.json")[2].get("Architecture", X86)
    return {} if there.get(("", ARCHITECTURE), X86) == wanted else {("", ARCHITECTURE): wanted}


def completed(values: Values, there: Values) -> Values:
    """Return the values, and those that follow from them, such as STAGING_URL."""
    url = values.get(("staging", "APP_URL"))
    if url and ("", "STAGING_URL") not in there:
        values = {("", "STAGING_URL"): url, **values}
    return {**values, **architecture(there), **demanded({**there, **values})}
