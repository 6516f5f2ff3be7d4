"""The pages of the tutorial, without running them."""

import re
from pathlib import Path

import pytest

from rehearsal.paths import ROOT

LESSONS = sorted((ROOT / "rehearsal" / "docs" / "tutorial").glob("*.md"))


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: str(path.stem))
def test_two_steps_of_a_run_have_room_for_progress_between_them(lesson: Path) -> None:
    # A slow step prints its progress: only `...` between two steps matches on any machine.
    assert not re.search(r"^\.\.\. [✓✗] .*\n\.\.\. [✓✗] ", lesson.read_text(), re.M)
