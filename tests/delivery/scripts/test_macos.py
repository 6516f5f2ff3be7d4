"""The scripts that a person runs work with what macOS has."""

import pytest

from tests.delivery.git_repository import ROOT, run
from tests.delivery.macos import not_on_macos


def shell_scripts() -> list[str]:
    """Return all but those that start the container of an image, which is Linux."""
    names = run(ROOT, "git", "grep", "-lE", r"^#!.*\b(bash|sh)$").stdout.split()
    return [name for name in names if not name.endswith((".py", "-entrypoint"))]


@pytest.mark.parametrize("name", shell_scripts())
def test_no_script_needs_gnu_tools_or_bash_4(name: str) -> None:
    assert not_on_macos((ROOT / name).read_text()) == []


@pytest.mark.parametrize(
    "form",
    [
        "exec {never}<> <(:)",
        "mapfile -t options < <(privileges)",
        "declare -A seen",
        "echo ${name^^}",
        "echo ${name@Q}",
        "command &>> log",
        "command |& tail",
        'words=()\ncommand "${words[@]}"',
        "folder=$(mktemp --directory)",
        "cmp --silent one other",
        "sed -i s/a/b/ file",
        "git log | grep -oP '\\d+'",
        "readlink -f file",
    ],
)
def test_a_command_that_macos_does_not_support_is_found(form: str) -> None:
    assert len(not_on_macos(form)) == 1


@pytest.mark.parametrize(
    "form",
    [
        "docker rm --force name",
        "git grep -E word",
        'words=()\ncommand ${words[@]+"${words[@]}"}',
        'missing=()\nif ((${#missing[@]})); then install "${missing[@]}"; fi',
    ],
)
def test_a_command_that_macos_supports_is_not_reported(form: str) -> None:
    assert not_on_macos(form) == []
