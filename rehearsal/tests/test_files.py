"""Files of a rehearsal: none is left half-written."""

from pathlib import Path

import pytest

from rehearsal.files import replace_text


def test_a_write_that_is_cut_off_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "made.json"
    replace_text(path, "before")
    with pytest.raises(UnicodeEncodeError):
        replace_text(path, "after \ud800")
    assert path.read_text() == "before"
    replace_text(path, "after")
    assert path.read_text() == "after"
