"""Operating points of one network: the integer network of each budget, made once."""

from __future__ import annotations

import numpy as np

from pann_hw.integer.network import IntegerNetwork
from pann_hw.network.graph import FloatGraph
from pann_hw.quantise.budget import LARGEST, WIDTHS, flips_per_mac
from pann_hw.quantise.post_training import least_flips, prepare
from pann_hw.quantise.quality import check_classes, float_outputs
from pann_hw.quantise.recipe import Recipe
from pann_hw.quantise.search import Candidate, candidate, fit_best
from pann_hw.quantise.uniform import fit_uniform

__all__ = ["Points"]

_RISE = 1.2
"""From a budget that leaves hardly a weight to the next that is tried."""


class Points:
    """Quantises a network for budgets, on calibration images.

    Parameters
    ----------
    x, y : calibration images (n, C, H, W) and their classes (n,) or None
    recipe : how networks are quantised
    max_shift : largest shift of a term on the hardware

    Raises
    ------
    InputError : bad calibration data
    """

    def __init__(
        self, graph: FloatGraph, x: np.ndarray, y: np.ndarray | None, recipe: Recipe, max_shift: int
    ) -> None:
        check_classes(y, len(x), graph)
        self._x, self._y, self._max_shift = x, y, max_shift
        self._prepared = prepare(graph, x, recipe)
        self._wanted = float_outputs(graph, x)
        self._additions: dict[float, Candidate | None] = {}
        self._products: dict[int, Candidate] = {}

    def additions(self, budget: float) -> Candidate | None:
        """The network of least output error within flips per MAC, for lanes that add.

        None where that leaves hardly a weight.
        """
        if budget not in self._additions:
            network = fit_best(self._prepared, budget, self._max_shift)
            self._additions[budget] = (
                None
                if network is None
                else self._candidate(network, flips_per_mac(network, self._max_shift))
            )
        return self._additions[budget]

    def products(self, bits: int) -> Candidate:
        """The network of so many bits, the input too, for unsigned multipliers."""
        if bits not in self._products:
            network = fit_uniform(self._prepared, bits, False)
            assert network.budget is not None
            self._products[bits] = self._candidate(network, network.budget)
        return self._products[bits]

    def nearest(self, budget: float) -> float:
        """The budget, or the next above it, a fifth at a time, that leaves weights enough."""
        least = min(least_flips(self._prepared, bits, self._max_shift) for bits in WIDTHS)
        budget = max(budget, least)
        while budget < LARGEST and self.additions(budget) is None:
            budget *= _RISE
        return min(budget, LARGEST)

    def _candidate(self, network: IntegerNetwork, flips: float) -> Candidate:
        return candidate(network, self._x, self._y, self._wanted, flips)
