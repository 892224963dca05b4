"""coverage.dat as Verilator writes it: every net's toggles, both edges together."""

from __future__ import annotations

from pathlib import Path

import pytest

from pann_hw.errors import ToolError
from sim.coverage import read_coverage

_POINTS = [
    ("sum[0]:0->1", "adder", 16),
    ("sum[0]:1->0", "adder", 15),
    ("sum[1]:0->1", "adder", 6),
    ("sum[1]:1->0", "adder", 6),
    ("sum[10]:0->1", "adder", 3),
    ("sum[2]:0->1", "adder", 1),
    ("carry:0->1", "adder", 2),
    ("carry:1->0", "adder", 2),
    ("carry:0->1", "adder_2", 1),
    ("carry:1->0", "adder_2", 0),
]


def test_toggles_of_nets(tmp_path: Path) -> None:
    lines = [
        f"C '\x01f\x02design.v\x01l\x0224\x01n\x0215\x01t\x02toggle\x01page\x02v_toggle/adder"
        f"\x01o\x02{edge}\x01h\x02TOP.bench.{instance}' {count}\n"
        for edge, instance, count in _POINTS
    ]
    (tmp_path / "coverage.dat").write_text("# SystemC::Coverage-3\n" + "".join(lines))
    counts = read_coverage(tmp_path / "coverage.dat")
    assert {net: count.tolist() for net, count in counts.items()} == {
        "TOP.bench.adder.sum": [31, 12, 1, 3],
        "TOP.bench.adder.carry": [4],
        "TOP.bench.adder_2.carry": [1],
    }


def test_a_file_without_toggles_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "coverage.dat").write_text("# SystemC::Coverage-3\n")
    with pytest.raises(ToolError, match=r"coverage\.dat: no toggle counts"):
        read_coverage(tmp_path / "coverage.dat")
