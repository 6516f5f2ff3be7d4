"""Parts that can be left out of a project: their files, and their marked lines."""

from collections.abc import Iterable

import pytest

from delivery.errors import Failure
from template import parts

TEXT = """\
kept
    "/releases/",  # only with: releases
| a row | of a table | <!-- only with: releases -->
# only with: releases
in a block
# until here: releases
  <!-- only with: template -->
of the template
  <!-- until here: template -->
{{ page }} {# only with: releases #}
"""


def left(text: str, without: Iterable[str]) -> str:
    return "".join(parts.without(text.splitlines(keepends=True), set(without), "a file"))


def test_marked_lines_and_blocks_are_left_out() -> None:
    assert left(TEXT, ["releases", "template"]) == "kept\n"


def test_a_part_that_stays_loses_only_its_marks() -> None:
    assert left(TEXT, ["template"]) == (
        'kept\n    "/releases/",\n| a row | of a table |\nin a block\n{{ page }}\n'
    )


def test_a_pinned_version_loses_the_comment_that_names_a_file_of_the_part() -> None:
    pins = "x==1.0\n    # via\n    #   -c rehearsal/aws/requirements.txt\n    #   y\n"
    assert left(pins, ["template"]) == pins
    assert left(pins, ["rehearsal"]) == "x==1.0\n    # via\n    #   y\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x  # only with: release\n", "a file:1: 'release' is not one of template, releases"),
        ("# only with: releases\nx\n", "a file: the block of releases does not end"),
        ("x\n# until here: releases\n", "a file:2: no block of releases begins before this line"),
    ],
)
def test_a_wrong_mark_is_reported(text: str, problem: str) -> None:
    with pytest.raises(Failure, match=problem):
        left(text, [])
