"""Files of a rehearsal: no file is half-written."""

from pathlib import Path

import pytest

from rehearsal.files import replace_text


def test_an_interrupted_write_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "made.json"
    replace_text(path, "before")
    with pytest.raises(UnicodeEncodeError):
        replace_text(path, "after \ud800")
    assert path.read_text() == "before"
    replace_text(path, "after")
    assert path.read_text() == "after"
