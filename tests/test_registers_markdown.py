"""The register map in the documents is the one in the code."""

from __future__ import annotations

from pathlib import Path

from pann_hw.registers.error import Error
from pann_hw.registers.map import REGISTERS, Block
from pann_hw.registers.markdown import error_table, register_table

_DOCS = Path(__file__).parent.parent / "docs"


def test_a_row_for_each_register_of_the_blocks() -> None:
    lines = register_table().splitlines()
    assert lines[0] == "| address | register | access | meaning |"
    assert [line.split(" | ")[1] for line in lines[2:]] == [one.name for one in REGISTERS]
    accelerator = register_table([Block.ACCELERATOR]).splitlines()
    assert accelerator == lines[:10]


def test_rows_name_all_fields_with_their_bits() -> None:
    rows = dict(
        zip((one.name for one in REGISTERS), register_table().splitlines()[2:], strict=True)
    )
    assert "bit 2 LOADED, " in rows["STATUS"]
    assert "bits 20 to 23 OPERAND_WIDTH, " in rows["SHAPE"]


def test_a_row_for_each_error() -> None:
    rows = error_table().splitlines()[2:]
    assert rows == [f"| {one.value} | {one.name} | {one.meaning} |" for one in Error]


def test_hardware_document() -> None:
    text = (_DOCS / "hardware.md").read_text()
    assert register_table([Block.ACCELERATOR]) in text
    assert error_table() in text
