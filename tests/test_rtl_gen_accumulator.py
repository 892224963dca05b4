"""Accumulators: their sums, and that the gated one's upper register has a clock enable."""

from __future__ import annotations

import gc
import json
from pathlib import Path

import pytest

from rtl_gen.accumulator import Accumulator, GatedAccumulator, create_accumulator
from rtl_gen.verilog import to_verilog
from rtl_gen.yosys import run_yosys
from sim.benches.run import run_unit


def test_bench(seed: int) -> None:
    run_unit("accumulator", seed)


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


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_all_bits_always_clocked_is_a_plain_one() -> None:
    assert type(create_accumulator(20, 20, 4)) is Accumulator
    assert type(create_accumulator(20, 19, 4)) is GatedAccumulator
    gc.collect()


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize(
    ("width", "low_bits", "delta_width", "message"),
    [
        (20, 0, 4, r"low_bits 0, must be 1\.\.19"),
        (20, 20, 4, r"low_bits 20, must be 1\.\.19"),
        (8, -1, 4, r"low_bits -1, must be 1\.\.7"),
        (20, 5, 1, r"delta_width 1, must be 2\.\.20"),
        (20, 5, 21, r"delta_width 21, must be 2\.\.20"),
    ],
)
def test_parameters_are_checked(width: int, low_bits: int, delta_width: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GatedAccumulator(width, low_bits, delta_width)
    # Amaranth warns of components without use as they go, which is to be in this test.
    gc.collect()
