"""Text that is measured, kept in a document between two comments that Markdown does not show."""

from __future__ import annotations

from pathlib import Path

from pann_hw.errors import InputError
from pann_hw.files import whole_file

__all__ = ["BEGIN", "END", "replace_measured"]

BEGIN = "<!-- measured: begin -->"
END = "<!-- measured: end -->"


def replace_measured(path: Path, text: str) -> None:
    """Put ``text`` between the two comments of a document, in place of what is there.

    Raises
    ------
    InputError : the document cannot be read or written, or has not both comments once, in order
    """
    try:
        document = path.read_text()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    counts = [document.count(mark) for mark in (BEGIN, END)]
    if counts != [1, 1] or document.index(END) < document.index(BEGIN):
        raise InputError(
            f"{path}: has {BEGIN} {counts[0]} and {END} {counts[1]} times, must have each once, in "
            f"this order"
        )
    before, rest = document.split(BEGIN)
    _, after = rest.split(END)
    with whole_file(path) as part:
        part.write_text(f"{before}{BEGIN}\n\n{text.strip()}\n\n{END}{after}")
