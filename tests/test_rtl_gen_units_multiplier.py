"""The multipliers' circuits: all products, the power model's flips, and no multiply cell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pann_hw.power.multiplier import Multiplier
from pann_hw.power.nets import as_signed, grid
from pann_hw.power.products import KINDS
from rtl_gen.units.multiplier import MultiplierCircuit
from rtl_gen.verilog import multiplier_cells, to_verilog
from sim.build import lint
from tests.unit_simulation import MULTIPLIERS, assert_flips, simulate


def words_of(unit: Multiplier, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """All pairs of words of up to 11 bits together, in any order; of more, the ends of their ranges
    with each other and random ones."""
    if unit.product_bits <= 11:
        x, w = grid(np.arange(2**unit.x_bits), np.arange(2**unit.w_bits))
    else:
        ends = [
            np.array([0, 1, 2, half - 1, half, half + 1, 2 * half - 2, 2 * half - 1])
            for half in (2 ** (unit.x_bits - 1), 2 ** (unit.w_bits - 1))
        ]
        x, w = (
            np.append(corners, rng.integers(0, 2**bits, 3000))
            for corners, bits in zip(grid(*ends), (unit.x_bits, unit.w_bits), strict=True)
        )
    order = rng.permutation(x.size)
    return {"x": np.append(x.ravel()[order], 0), "w": np.append(w.ravel()[order], 0)}


def test_products_and_flips(rng: np.random.Generator) -> None:
    stimuli = {unit: words_of(unit, rng) for unit in MULTIPLIERS}
    for unit, run in simulate(stimuli).items():
        x, w = stimuli[unit]["x"], stimuli[unit]["w"]
        product = run.outputs["product"]
        if unit.signed:
            x, w = as_signed(x, unit.x_bits), as_signed(w, unit.w_bits)
            product = as_signed(product, unit.product_bits)
        np.testing.assert_array_equal(product, x * w, err_msg=unit.name)
        assert_flips(unit, stimuli[unit], run)


@pytest.mark.parametrize("widths", [(2, 2), (5, 3), (8, 8)])
@pytest.mark.parametrize("kind", KINDS)
def test_made_of_adders_alone(kind: str, widths: tuple[int, int], tmp_path: Path) -> None:
    verilog = to_verilog(MultiplierCircuit(Multiplier(kind, *widths)), "unit")
    assert multiplier_cells(verilog, "unit") == []
    assert not any(sign in verilog for sign in (" * ", " + ", " - "))
    (tmp_path / "unit.v").write_text(verilog)
    lint(tmp_path / "unit.v", "unit")
