"""Tiles of random numbers for lanes, and made-up figures of measured ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.lanes_run import Measured
from benchmarks.lanes_tables import Found
from benchmarks.lanes_tiles import Tile
from benchmarks.lanes_variants import VARIANTS, Variant
from pann_hw.config import AcceleratorConfig

__all__ = ["MEASURED", "found", "narrow", "random_tile", "sums_fit"]

MEASURED = Measured(
    variant="method",
    technology="sky130",
    tiles=8,
    weights=864,
    accumulator_width=20,
    cycles=0.95,
    energy=1000.0,
    deviation=0.021,
    lane_logic=600.0,
    lane_settled=350.0,
    lane_clock=200.0,
    select=150.0,
    control=50.0,
    area=1500.0,
    core_area=2250.0,
)
"""What a variant might take."""


def narrow(variant: Variant, lanes: int = 4) -> Variant:
    """The variant with a few lanes."""
    return replace(variant, config=replace(variant.config, lanes=lanes))


def random_tile(config: AcceleratorConfig, rng: np.random.Generator, windows: int = 18) -> Tile:
    """Operands of all widths, a third of them 0, and weights that the lane takes."""
    x = rng.integers(0, 1 << config.operand_width, (windows, config.lanes))
    x[rng.random(x.shape) < 1 / 3] = 0
    if config.signed:
        limit = 1 << (config.multiplier_width or 0) - 1
        weights = rng.integers(-limit, limit, (windows, 3))
    else:
        limit = {"unary": 3, "csd": 12}.get(config.lane, (1 << config.factor_bits) - 1)
        weights = rng.integers(-limit, limit + 1, (windows, 3))
    weights[rng.random(weights.shape) < 1 / 5] = 0
    return Tile("layer", 0, x, weights, config.lanes // 2)


def sums_fit(tile: Tile) -> int:
    """Signed bits that hold the tile's sums in any order."""
    return int(np.abs(tile.weights).sum() * tile.windows.max()).bit_length() + 1


def found(**energies: float) -> Found:
    """Variants with the energies given, on a technology of which areas are energies / 2."""
    results = [
        replace(MEASURED, variant=name.replace("_", "-"), energy=energy, area=energy / 2)
        for name, energy in energies.items()
    ]
    networks = dict.fromkeys(VARIANTS[one.variant].network for one in results)
    return Found(16, 2, 36, 0.88, dict.fromkeys(networks, 0.88), results)
