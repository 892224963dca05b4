"""Files appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from pann_hw.errors import InputError
from pann_hw.files import whole_file


def test_file_appears_when_all_went_well(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with whole_file(path) as part:
        part.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_old_file_stays_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(KeyError), whole_file(path) as part:
        part.write_text("half")
        raise KeyError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "file"
    with pytest.raises(InputError, match=r"missing/file: cannot be written .*, choose another"):
        with whole_file(path) as part:
            part.write_text("new")
