"""Technologies for lanes: their Liberty files, or why they are skipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.lanes_processes import TECHNOLOGIES, find_process
from pann_hw.technology.known import TECHNOLOGIES as KNOWN
from tests.liberty_text import PDK, pdk


def test_a_technology_without_files_is_skipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert find_process("sky130", tmp_path) is None
    shown = capsys.readouterr().err
    assert "sky130: skipped" in shown and str(tmp_path) in shown and "PANN_HW_PDK" in shown


def test_technologies_are_those_that_are_known() -> None:
    assert set(TECHNOLOGIES) == set(KNOWN)


def test_a_technology_with_files() -> None:
    files = pdk("sg13g2")
    found = find_process("sg13g2", PDK)
    assert found is not None
    assert list(found.files) == files
    assert found.library.voltage == found.technology.supply
