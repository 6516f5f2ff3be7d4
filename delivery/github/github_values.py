"""Values for GitHub, read from a file or from the terminal."""

from __future__ import annotations

import configparser
import re
import stat
from getpass import getpass
from pathlib import Path

from delivery.aws.infra_parameters import read_parameters
from delivery.checks.check_configuration import missing
from delivery.errors import Failure
from delivery.github.github_settings import OWN, SOURCES, is_own, places, uses
from delivery.paths import INFRA

# By place ("" is the repository) and name.
Values = dict[tuple[str, str], str]
# Of the processors, in infra/parameters and in GitHub; without it they are those of X86.
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
    form, means = FORMS.get(name, (r"\S.*", "is not empty, and of one line"))
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
        raise Failure(f"{path}{line}: not NAME = value below [repository] or the like") from None
    if mode & 0o077:
        raise Failure(f"{path}: others may read these secrets: chmod 600 {path}")
    values: Values = {}
    for section in parser.sections():
        place = "" if section == "repository" else section
        if place and place not in SOURCES:
            raise Failure(f"{path}: [{section}] is none of [repository], [staging], [production]")
        for name, value in parser[section].items():
            if name not in kinds():
                raise Failure(f"{path}: {name}: no workflow reads it")
            if place not in places(name):
                right = " or ".join(f"[{where or 'repository'}]" for where in places(name))
                raise Failure(f"{path}: {name} belongs into {right}, not [{section}]")
            values[place, name] = check(name, value)
    return values


def ask(there: set[tuple[str, str]]) -> Values:
    """Ask for the values that GitHub lacks; an empty answer leaves one unset."""
    values: Values = {}

    def one(place: str, name: str) -> bool:
        """Return whether a value is set, now or before."""
        if (place, name) in there:
            return True
        prompt = f"{name} of {place or 'the repository'} (nothing: leave it unset): "
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
    """Return what a job of an environment is given, as scripts/check-configuration gets it."""
    given = {name: value for (place, name), value in there.items() if not place}
    given |= {name: value for (place, name), value in there.items() if place == environment}
    return given | {"STAGING": there.get(("", "STAGING_URL"), "")}


def demanded(there: Values) -> Values:
    """Return what lets a deploy fail that lacks a value, once an environment has all of them.

    A repository that lost one would skip its deploys otherwise, and be green.
    """
    is_set = any(name == "DEPLOY_REQUIRED" for _, name in there)
    ready = any(not missing(environment, seen_by(there, environment)) for environment in SOURCES)
    return {("", "DEPLOY_REQUIRED"): "true"} if ready and not is_set else {}


def architecture(there: Values) -> Values:
    """Return the variable that chooses the runner, where it is not as infra/parameters has it."""
    wanted = read_parameters(INFRA / "parameters" / "staging.json")[2].get("Architecture", X86)
    return {} if there.get(("", ARCHITECTURE), X86) == wanted else {("", ARCHITECTURE): wanted}


def completed(values: Values, there: Values) -> Values:
    """Return them with what follows: production asks at STAGING_URL what staging runs."""
    url = values.get(("staging", "APP_URL"))
    if url and ("", "STAGING_URL") not in there:
        values = {("", "STAGING_URL"): url, **values}
    return {**values, **architecture(there), **demanded({**there, **values})}
