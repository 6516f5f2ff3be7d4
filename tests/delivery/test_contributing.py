"""The files, commands and forms for contributors exist."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FORMS = [ROOT / ".github/ISSUE_TEMPLATE" / name for name in ("bug.yml", "feature.yml")]
# https://docs.github.com/en/communities/using-templates-to-encourage-useful-issues-and-pull-requests
ATTRIBUTES = {
    "markdown": {"value"},
    "textarea": {"label", "description", "placeholder", "value", "render"},
    "input": {"label", "description", "placeholder", "value"},
    "dropdown": {"label", "description", "multiple", "options", "default"},
}


def load(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "SECURITY.md"])
def test_links_of_the_pages_have_targets(page: str) -> None:
    links = re.findall(r"\]\((?!https:)([^)]+)\)", (ROOT / page).read_text())
    assert links
    for file, _, heading in (link.partition("#") for link in links):
        headings = re.findall(r"^#+ (.+)", (ROOT / file).read_text(), re.M)
        assert not heading or heading in [text.lower().replace(" ", "-") for text in headings]


def test_each_command_of_contributing_exists() -> None:
    commands = re.findall(r"^ *\$ (\S+) ?(\S*)", (ROOT / "CONTRIBUTING.md").read_text(), re.M)
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)
    assert {program for program, _ in commands} == {"make", "pre-commit", "scripts/check-commits"}
    assert {word for program, word in commands if program == "make"} <= set(targets)


def test_the_hooks_use_the_versions_of_the_pipeline() -> None:
    pinned = re.findall(r"^(\S+)==", (ROOT / "requirements-ci.txt").read_text(), re.M)
    (repository,) = load(".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    programs = [hook["entry"].split()[0] for hook in repository["hooks"]]
    own = [name.removeprefix(".venv/bin/") for name in programs if name.startswith(".venv/bin/")]
    assert set(own) <= set(pinned)
    assert [name for name in programs if not name.startswith(".venv/bin/")] == [
        "scripts/check-commits"
    ]


def test_files_with_owners_exist() -> None:
    lines = (ROOT / ".github/CODEOWNERS").read_text().splitlines()
    patterns = [line.split()[0] for line in lines if line and not line.startswith("#")]
    assert patterns[0] == "*"
    for pattern in patterns:
        assert list(ROOT.glob(pattern.strip("/"))), pattern


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_has_githubs_shape(path: Path) -> None:
    form = yaml.safe_load(path.read_text())
    assert form.keys() == {"name", "description", "labels", "body"}
    asked = [field for field in form["body"] if field["type"] != "markdown"]
    assert len({field["id"] for field in asked}) == len(asked) > 0
    for field in form["body"]:
        assert field.keys() <= {"type", "id", "attributes", "validations"}
        assert field["attributes"].keys() <= ATTRIBUTES[field["type"]]
        assert field["attributes"].keys() & {"label", "value"}
        assert field.get("validations", {"required": True}).keys() == {"required"}


def test_the_dev_container_uses_the_python_of_the_image_and_makes_the_environment() -> None:
    text = (ROOT / ".devcontainer/devcontainer.json").read_text()
    container = json.loads(re.sub(r"^\s*//.*", "", text, flags=re.M))
    python = re.search(r"python:(3\.\d+)", (ROOT / "Dockerfile").read_text())
    assert python
    dockerfile = ROOT / ".devcontainer" / container["build"]["dockerfile"]
    assert f"FROM python:{python[1]}-" in dockerfile.read_text()
    assert container["postCreateCommand"] == "scripts/bootstrap test"


def test_dependabot_writes_conventional_commits() -> None:
    # Dependabot makes `chore(deps): bump …` of it.
    for update in load(".github/dependabot.yml")["updates"]:
        assert update["commit-message"] == {"prefix": "chore", "include": "scope"}


def test_the_menu_has_every_target_in_a_group() -> None:
    command = ["make", "--no-print-directory", "help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.stderr == ""  # make warns where a target is there twice
    menu = done.stdout
    texts = [file.read_text() for file in (ROOT / "Makefile", *ROOT.glob("*/Makefile"))]
    targets = [name for text in texts for name in re.findall(r"^([a-z-]+):", text, re.M)]
    for group in menu.split("\n\n")[1:]:
        heading, *lines = group.splitlines()
        assert re.fullmatch(r"[A-Z]\w+", heading)
        for line in lines:
            targets.remove(line.split()[1])
    assert targets == ["help"]
