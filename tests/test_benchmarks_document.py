"""Measured text in a document: replaced, with all around it left as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.document import BEGIN, END, replace_measured
from pann_hw.errors import InputError


def test_only_what_is_between_the_comments_changes(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(f"# Page\n\n{BEGIN}\nold\n{END}\n\nEnd.\n")
    for text in ("new\n", "| a |\n| --- |\n"):
        replace_measured(path, text)
        assert path.read_text() == f"# Page\n\n{BEGIN}\n\n{text.strip()}\n\n{END}\n\nEnd.\n"


@pytest.mark.parametrize("text", ["", BEGIN, END + BEGIN, BEGIN + END + END, BEGIN * 2 + END])
def test_both_comments_must_be_there_once_in_order(text: str, tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(text)
    with pytest.raises(InputError, match="must have each once, in this order"):
        replace_measured(path, "new")
    assert path.read_text() == text


def test_a_missing_document_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        replace_measured(tmp_path / "none.md", "new")
