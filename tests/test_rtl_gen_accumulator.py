"""Accumulators: their sums, and that registers which rest have clock enables of their own."""

from __future__ import annotations

import gc
import json
from pathlib import Path

import pytest
from amaranth.lib import wiring

from rtl_gen.accumulator import (
    Accumulator,
    GatedAccumulator,
    UnsignedAccumulator,
    create_accumulator,
)
from rtl_gen.verilog import to_verilog
from rtl_gen.yosys import run_yosys
from sim.benches.run import run_unit


def test_bench(seed: int) -> None:
    run_unit("accumulator", seed)


def _enables(
    component: wiring.Component, registers: dict[str, int], folder: Path
) -> list[set[int]]:
    """Nets of the clock enables of each register, of so many bits; none of them always clocked."""
    (folder / "unit.v").write_text(to_verilog(component, "unit"))
    commands = ["read_verilog unit.v", "hierarchy -top unit", "proc", "opt", "opt_dff"]
    run_yosys([*commands, "opt_clean", "write_json unit.json"], folder)
    module = json.loads((folder / "unit.json").read_text())["modules"]["unit"]
    enables = []
    for name, bits in registers.items():
        register = module["netnames"][name]["bits"]
        assert len(register) == bits
        cells = [
            cell
            for cell in module["cells"].values()
            if "dff" in cell["type"] and set(cell["connections"]["Q"]) & set(register)
        ]
        assert all("EN" in cell["connections"] for cell in cells), f"{name} is always clocked"
        assert sum(len(cell["connections"]["Q"]) for cell in cells) == bits
        enables.append({bit for cell in cells for bit in cell["connections"]["EN"]})
    return enables


@pytest.mark.parametrize(("width", "low_bits", "delta_width"), [(20, 5, 12), (8, 1, 8), (8, 7, 4)])
def test_registers_have_enables_of_their_own(
    width: int, low_bits: int, delta_width: int, tmp_path: Path
) -> None:
    unit = GatedAccumulator(width, low_bits, delta_width)
    low, high = _enables(unit, {"low": low_bits, "high": width - low_bits}, tmp_path)
    assert not low & high


@pytest.mark.parametrize(
    ("width", "low_bits", "addend_width"), [(24, 8, 11), (8, 1, 8), (8, 7, 4), (12, 5, 5)]
)
def test_unsigned_registers_have_enables_of_their_own(
    width: int, low_bits: int, addend_width: int, tmp_path: Path
) -> None:
    unit = UnsignedAccumulator(width, low_bits, addend_width)
    registers = {"bits0": low_bits, f"bits{low_bits}": width - low_bits}
    low, high = _enables(unit, registers, tmp_path)
    assert not low & high


def test_an_unsigned_accumulator_of_one_part_rests_too(tmp_path: Path) -> None:
    """Its enable is not that of the port alone, which is 1 whatever the operands are."""
    (enables,) = _enables(UnsignedAccumulator(8, 8, 4), {"bits0": 8}, tmp_path)
    module = json.loads((tmp_path / "unit.json").read_text())["modules"]["unit"]
    assert not enables & set(module["ports"]["enable"]["bits"])


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


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize(
    ("width", "low_bits", "addend_width", "message"),
    [
        (20, 0, 4, r"low_bits 0, must be 1\.\.20"),
        (20, 21, 4, r"low_bits 21, must be 1\.\.20"),
        (20, 5, 0, r"addend_width 0, must be 1\.\.20"),
        (20, 5, 21, r"addend_width 21, must be 1\.\.20"),
    ],
)
def test_parameters_of_unsigned_ones_are_checked(
    width: int, low_bits: int, addend_width: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        UnsignedAccumulator(width, low_bits, addend_width)
    gc.collect()
