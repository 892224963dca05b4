"""The register map as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pann_hw.registers.error import Error
from pann_hw.registers.map import REGISTERS, Block, Description, Field

__all__ = ["error_table", "register_table"]


def register_table(blocks: Iterable[Block], *, of_bytes: bool) -> str:
    """The registers of some hardware: addresses, what may be done with them, and their fields.

    Parameters
    ----------
    blocks : whose registers
    of_bytes : whether addresses are those on a bus; else they count words
    """
    wanted = set(blocks)
    rows = [
        (f"{one.byte_address:#04x}" if of_bytes else str(one.register.value), *_row(one))
        for one in REGISTERS
        if one.block in wanted
    ]
    return _table(("address", "register", "access", "meaning"), rows)


def error_table() -> str:
    """The codes of the register ERROR."""
    rows = [(str(one.value), one.name, one.meaning) for one in Error]
    return _table(("code", "error", "meaning"), rows)


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("|" + "|".join(_cell(cell) for cell in line) + "|" for line in lines)


def _cell(text: str) -> str:
    return text if text == "---" else f" {text} "


def _row(one: Description) -> tuple[str, ...]:
    meaning = one.meaning
    # A field that is the whole register needs no place.
    if [field.width for field in one.fields] != [32]:
        meaning += ": " + "; ".join(_field(field) for field in one.fields)
    return (one.name, one.access.value, meaning)


def _field(field: Field) -> str:
    last = field.low + field.width - 1
    place = f"bit {field.low}" if field.width == 1 else f"bits {field.low} to {last}"
    return f"{place} {field.name}, {field.meaning}"
