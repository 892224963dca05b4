"""Operating points of one network: the integer network of each setting, made once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pann_hw.integer.network import IntegerNetwork
from pann_hw.network.graph import FloatGraph
from pann_hw.quantise.budget import LARGEST, WIDTHS, flips_per_mac
from pann_hw.quantise.post_training import least_flips, prepare
from pann_hw.quantise.quality import check_classes, float_outputs
from pann_hw.quantise.recipe import Recipe
from pann_hw.quantise.search import Candidate, candidate, fit_trial, trial_count
from pann_hw.quantise.uniform import fit_uniform

__all__ = ["Additions", "Points", "Products", "Setting"]

_RISE = 1.2
"""From a budget that leaves hardly a weight to the next that is tried."""


class Additions(NamedTuple):
    """For lanes that add.

    Attributes
    ----------
    budget : flips per MAC, at most
    trial : the one of a search's trials
    """

    budget: float
    trial: int

    def __str__(self) -> str:
        return f"{self.budget:.3g} flips/MAC"


class Products(NamedTuple):
    """For lanes that multiply.

    Attributes
    ----------
    bits : of weights and activations
    """

    bits: int

    def __str__(self) -> str:
        return f"{self.bits} bits"


Setting = Additions | Products


class Points:
    """Quantises a network for settings, on calibration images.

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
        self._found: dict[Setting, Candidate | None] = {}

    def point(self, setting: Setting) -> Candidate | None:
        """The integer network of a setting; None where its budget leaves hardly a weight."""
        if setting not in self._found:
            made = self._made(setting)
            self._found[setting] = made and candidate(
                made[0], self._x, self._y, self._wanted, made[1]
            )
        return self._found[setting]

    def additions(self, budget: float, trial: int | None = None) -> Additions:
        """The setting of a budget, or of the next above it, a fifth at a time, that leaves weights.

        Parameters
        ----------
        trial : of a search; None: that of the least output error
        """
        least = min(least_flips(self._prepared, bits, self._max_shift) for bits in WIDTHS)
        budget = max(budget, least)
        trials = range(trial_count(self._prepared.recipe)) if trial is None else [trial]
        while True:
            budget = min(budget, LARGEST)
            found = {
                one: point.error
                for one in trials
                if (point := self.point(Additions(budget, one))) is not None
            }
            if found:
                return Additions(budget, min(found, key=found.__getitem__))
            assert budget < LARGEST
            budget *= _RISE

    def _made(self, setting: Setting) -> tuple[IntegerNetwork, float] | None:
        """A setting's network, and its flips per MAC."""
        if isinstance(setting, Products):
            network = fit_uniform(self._prepared, setting.bits, False)
            assert network.budget is not None
            return network, network.budget
        found = fit_trial(self._prepared, setting.trial, setting.budget, self._max_shift)
        return None if found is None else (found, flips_per_mac(found, self._max_shift))
