"""The patches of ministack, and the versions that they refuse."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from types import ModuleType

import pytest
from ministack.services import alb, ecs

from rehearsal.aws import MINISTACK, patches
from rehearsal.paths import ROOT


def test_a_different_version_of_ministack_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: "1.5.34")
    with pytest.raises(patches.Refusal, match=f"ministack is 1.5.34, .* only {MINISTACK}: pip"):
        patches.check_version()


def test_the_requirements_pin_the_supported_version_of_ministack() -> None:
    pins = (ROOT / patches.REQUIREMENTS).read_text().split()
    assert f"ministack=={MINISTACK}" in pins


def test_the_program_exits_with_the_refusal() -> None:
    code = (
        "from importlib import metadata; metadata.version = lambda name: '0.1';"
        "from rehearsal.aws.__main__ import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("rehearsal.aws: ministack is 0.1")
    assert done.stderr.count("\n") == 1


def test_a_patch_of_a_missing_function_is_refused() -> None:
    module = ModuleType("ministack.services.ecs")
    with pytest.raises(patches.Refusal, match=r"has no ministack.services.ecs._gone"):
        patches.put(patches.Patch(module, "_gone", print))


def test_a_patch_also_replaces_the_function_in_ministacks_tables() -> None:
    assert ecs._ACTION_MAP["StopTask"] is ecs._stop_task
    assert alb._ACTION_MAP["DescribeTargetHealth"].__module__ == "rehearsal.aws.targets"


@pytest.mark.parametrize("patch", patches.registered, ids=lambda p: f"{p.owner.__name__}.{p.name}")
def test_every_patch_is_applied_and_says_why(patch: patches.Patch) -> None:
    assert patch in patches.applied
    assert patch.function.__doc__
