"""Lanes on gates: sums compared, energies by part."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.lanes_processes import find_process
from benchmarks.lanes_run import check_sums, measure
from benchmarks.lanes_variants import VARIANTS
from pann_hw.errors import MismatchError
from tests.lane_tiles import narrow, random_tile, sums_fit
from tests.liberty_text import PDK, pdk


@pytest.mark.parametrize("name", ["method", "sums-held", "signed-2", "csd-2x1-default"])
def test_gates_come_to_the_sums(name: str, rng: np.random.Generator) -> None:
    pdk("sky130hd")
    process = find_process("sky130", PDK)
    assert process is not None
    variant = narrow(VARIANTS[name])
    tiles = [random_tile(variant.config, rng, 12) for _ in range(2)]
    found = measure(variant, tiles, max(map(sums_fit, tiles)), process)
    assert (found.variant, found.technology, found.tiles, found.weights) == (name, "sky130", 2, 72)
    parts = found.lane_logic + found.lane_clock + found.select + found.control
    assert found.energy == pytest.approx(parts)
    assert 0 < found.lane_settled < found.lane_logic
    assert 0 < found.area < found.core_area
    assert found.deviation > 0
    cycles = sum(len(variant.schedule(tile)) for tile in tiles)
    assert found.cycles == cycles / 72


@pytest.mark.parametrize("name", ["method", "sums"])
def test_a_wrong_sum_is_told(name: str, rng: np.random.Generator) -> None:
    variant = narrow(VARIANTS[name])
    tile = random_tile(variant.config, rng)
    config = variant.sized(24)
    sums = tile.sums + (1 << 20 if name == "sums" else 0)
    bits = sums[:, None] >> np.arange(24) & 1
    if name == "sums":
        bits = np.concatenate([bits, np.broadcast_to(1 << 20 >> np.arange(24) & 1, bits.shape)], 1)
    values = bits.reshape(1, -1).astype(np.uint8)
    check_sums(variant, config, [tile], values)
    values[0, 2 * bits.shape[1]] ^= 1
    lane = tile.sums[2]
    with pytest.raises(MismatchError, match="1 of 4 sums differ, the first lane 2") as caught:
        check_sums(variant, config, [tile], values)
    assert f"expected {lane}, found {lane ^ 1}" in str(caught.value)
    assert caught.value.exit_code == 1
