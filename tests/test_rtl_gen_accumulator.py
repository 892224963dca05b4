"""The carry-gated accumulator: its sums, and that its upper register has a clock enable."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rtl_gen.accumulator import GatedAccumulator
from rtl_gen.verilog import to_verilog
from rtl_gen.yosys import run_yosys
from sim.bench import run_bench
from sim.benches.units import Units


def test_bench(seed: int) -> None:
    run_bench(Units(), "units", "sim.benches.accumulator", seed=seed % 2**31)


@pytest.mark.parametrize(("width", "low_bits", "delta_width"), [(20, 5, 12), (8, 1, 8), (8, 7, 4)])
def test_registers_have_enables_of_their_own(
    width: int, low_bits: int, delta_width: int, tmp_path: Path
) -> None:
    verilog = to_verilog(GatedAccumulator(width, low_bits, delta_width), "gated")
    (tmp_path / "gated.v").write_text(verilog)
    commands = ["read_verilog gated.v", "hierarchy -top gated", "proc", "opt", "opt_dff"]
    run_yosys([*commands, "opt_clean", "write_json gated.json"], tmp_path)
    module = json.loads((tmp_path / "gated.json").read_text())["modules"]["gated"]
    enables = {}
    for name, bits in (("low", low_bits), ("high", width - low_bits)):
        register = module["netnames"][name]["bits"]
        assert len(register) == bits
        cells = [
            cell
            for cell in module["cells"].values()
            if "dff" in cell["type"] and set(cell["connections"]["Q"]) & set(register)
        ]
        assert all("EN" in cell["connections"] for cell in cells), f"{name} is always clocked"
        assert sum(len(cell["connections"]["Q"]) for cell in cells) == bits
        enables[name] = {tuple(cell["connections"]["EN"]) for cell in cells}
    assert not enables["low"] & enables["high"]


@pytest.mark.parametrize(("width", "low_bits"), [(20, 0), (20, 20), (20, 21), (8, -1)])
def test_low_bits_must_leave_upper_bits(width: int, low_bits: int) -> None:
    with pytest.raises(ValueError, match=f"low_bits {low_bits}, must be 1..{width - 1}"):
        GatedAccumulator(width, low_bits, 4)


@pytest.mark.parametrize("delta_width", [1, 21])
def test_delta_must_fit(delta_width: int) -> None:
    with pytest.raises(ValueError, match=rf"delta_width {delta_width}, must be 2\.\.20"):
        GatedAccumulator(20, 5, delta_width)
