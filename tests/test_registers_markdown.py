"""The register map in the documents is the one in the code."""

from __future__ import annotations

from pathlib import Path

from pann_hw.registers.error import Error
from pann_hw.registers.map import REGISTERS, Block
from pann_hw.registers.markdown import error_table, register_table

_DOCS = Path(__file__).parent.parent / "docs"


def test_a_row_for_each_register_of_the_blocks() -> None:
    lines = register_table(Block, of_bytes=False).splitlines()
    assert lines[0] == "| address | register | access | meaning |"
    assert [line.split(" | ")[1] for line in lines[2:]] == [one.name for one in REGISTERS]
    accelerator = register_table([Block.ACCELERATOR], of_bytes=False).splitlines()
    assert accelerator == lines[:10]


def test_addresses_of_words_or_bytes() -> None:
    for of_bytes, expected in ((False, ["0", "1", "2"]), (True, ["0x00", "0x04", "0x08"])):
        rows = register_table(Block, of_bytes=of_bytes).splitlines()[2:5]
        assert [row.split(" ")[1] for row in rows] == expected


def test_rows_name_all_fields_with_their_bits() -> None:
    lines = register_table(Block, of_bytes=True).splitlines()[2:]
    rows = {one.name: line for one, line in zip(REGISTERS, lines, strict=True)}
    assert "bit 2 LOADED, " in rows["STATUS"]
    assert "bits 20 to 23 OPERAND_WIDTH, " in rows["SHAPE"]


def test_a_row_for_each_error() -> None:
    rows = error_table().splitlines()[2:]
    assert rows == [f"| {one.value} | {one.name} | {one.meaning} |" for one in Error]


def test_documents_have_the_tables() -> None:
    """Where this fails: what these functions give belongs there."""
    hardware = (_DOCS / "hardware.md").read_text()
    assert register_table([Block.ACCELERATOR], of_bytes=False) in hardware
    assert error_table() in hardware
    assert register_table(Block, of_bytes=True) in (_DOCS / "buses.md").read_text()
