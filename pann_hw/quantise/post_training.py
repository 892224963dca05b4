"""Post-training quantisation: the integer network that uses a budget up, for given activations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from pann_hw.errors import InputError
from pann_hw.integer.network import Accumulate, IntegerNetwork, layer_macs
from pann_hw.network.graph import Convolution, FloatGraph
from pann_hw.quantise.allocation import allocate, uniform
from pann_hw.quantise.budget import (
    LEAST_COST,
    WIDTHS,
    additions_cost,
    flips_per_mac,
    layer_flips,
    mean_additions,
    parse_budget,
)
from pann_hw.quantise.build import INPUT_BITS, build, choose_ranges
from pann_hw.quantise.calibrate import Range, Statistics, calibrate
from pann_hw.quantise.correct import channel_means, correct_biases
from pann_hw.quantise.equalise import equalise
from pann_hw.quantise.fuse import Fused, fuse
from pann_hw.quantise.importance import channel_importance
from pann_hw.quantise.layerwise import NO_IMPORTANCE, Plan, quantise_layers
from pann_hw.quantise.recipe import PLAIN, Recipe
from pann_hw.quantise.sensitivity import Sensitivities, measure

__all__ = ["Prepared", "fit", "fit_layers", "least_flips", "prepare", "quantise"]

LEAST_ADDITIONS = 1 / 8
"""Smallest R that is tried: below it hardly any weight is left."""

LARGEST_ADDITIONS = 128.0
"""Largest R that is tried: weights then have more than 8 bits."""

_BISECTIONS = 16
_CORRECTION_IMAGES = 256
_FITTING_IMAGES = 512
_PASSES = 6
_SENSITIVITY_IMAGES = 128


@dataclass(frozen=True, eq=False)
class Prepared:
    """A float graph with all that calibration tells about it, for any width and budget.

    Attributes
    ----------
    fused : the layers to be
    statistics : of every value by name
    images : at most 512 that layers are fitted to
    means : the float values' channel means over the first 256 of them
    recipe : how layers are quantised
    """

    fused: Fused
    statistics: dict[str, Statistics]
    images: np.ndarray
    means: dict[str, np.ndarray]
    recipe: Recipe = PLAIN
    _ranges: dict[int, dict[str, Range]] = field(default_factory=dict)
    _sensitivities: dict[int, Sensitivities] = field(default_factory=dict)
    _importance: dict[str, np.ndarray] = field(default_factory=dict)

    def ranges(self, bits: int) -> dict[str, Range]:
        """The grids of all values at a width, the input's too."""
        if bits not in self._ranges:
            self._ranges[bits] = choose_ranges(self.fused, self.statistics, bits, bits)
        return self._ranges[bits]

    def hidden_ranges(self, bits: int) -> dict[str, Range]:
        """The grids of all values at a width, the input's at 8 bits."""
        name = self.fused.graph.input_name
        return {**self.ranges(bits), name: self.ranges(INPUT_BITS)[name]}

    def sensitivities(self, max_shift: int) -> Sensitivities:
        """Measured under the recipe, on the first 128 images."""
        if max_shift not in self._sensitivities:
            images = self.images[:_SENSITIVITY_IMAGES]
            self._sensitivities[max_shift] = measure(
                self.fused, self.ranges, images, self.recipe, max_shift, self.importance
            )
        return self._sensitivities[max_shift]

    @property
    def importance(self) -> Mapping[str, np.ndarray]:
        """Of each layer's output channels, on the first 128 images; none without channel steps."""
        if self.recipe.channel_steps and not self._importance:
            images = self.images[:_SENSITIVITY_IMAGES]
            self._importance.update(channel_importance(self.fused, images))
        return self._importance if self.recipe.channel_steps else NO_IMPORTANCE


def prepare(graph: FloatGraph, calibration: np.ndarray, recipe: Recipe = PLAIN) -> Prepared:
    """Fuse and calibrate a graph.

    Parameters
    ----------
    calibration : images of shape (n, C, H, W), finite; a few hundred are enough
    recipe : how layers are to be quantised

    Raises
    ------
    InputError : bad calibration data, or a network without any convolution or linear layer
    """
    fused = fuse(equalise(graph) if recipe.equalise else graph)
    if not any(isinstance(node, Convolution) for node in fused.graph.nodes):
        raise InputError(
            "the network has no convolution and no linear layer: there is nothing to quantise"
        )
    statistics = calibrate(fused.graph, calibration, recipe.clip)
    means = channel_means(fused, calibration[:_CORRECTION_IMAGES])
    return Prepared(fused, statistics, calibration[:_FITTING_IMAGES], means, recipe)


def quantise(
    graph: FloatGraph,
    calibration: np.ndarray,
    bits: int,
    budget: float,
    max_shift: int = 0,
    recipe: Recipe = PLAIN,
) -> IntegerNetwork:
    """The integer network with activations of ``bits`` bits that comes closest to a budget.

    Parameters
    ----------
    calibration : images of shape (n, C, H, W), finite
    bits : width of all hidden activations, 2..8; the input has 8
    budget : flips per MAC, above 0 and at most 64
    max_shift : largest shift of a term on the hardware; 0 is unary
    recipe : how layers are quantised; its layer_budgets count for nothing here

    Raises
    ------
    InputError : a parameter out of its range, bad calibration data, or a budget too small
    """
    if bits not in WIDTHS:
        raise InputError(f"bits = {bits!r}: must be {WIDTHS[0]}..{WIDTHS[-1]}")
    if max_shift < 0:
        raise InputError(f"max_shift = {max_shift!r}: must be 0 (unary) or above")
    prepared = prepare(graph, calibration, recipe)
    network = fit(prepared, bits, parse_budget(budget), max_shift)
    if network is None:
        least = least_flips(prepared, bits, max_shift)
        raise InputError(
            f"budget {budget:g} flips per MAC: activations of {bits} bits need at least "
            f"{least:.3g}, raise the budget or take fewer bits"
        )
    return network


def fit(prepared: Prepared, bits: int, budget: float, max_shift: int = 0) -> IntegerNetwork | None:
    """:func:`quantise` for a prepared graph; None where the budget leaves hardly a weight.

    One R for all layers, by bisection from ``R = budget / bits - 1/2``, which would be exact if
    every tensor had ``bits`` bits and there were learned weights only. Under a recipe that goes
    layer by layer: as many terms per weight in every layer.
    """
    if budget < least_flips(prepared, bits, max_shift):
        return None
    if prepared.recipe.layer_by_layer:
        plan = uniform(prepared.fused, _template(prepared, bits), bits, max_shift)
        return _planned(prepared, plan, budget, max_shift, bits)
    ranges = prepared.hidden_ranges(bits)
    best: tuple[float, IntegerNetwork] | None = None

    def fits(additions: float) -> bool:
        nonlocal best
        network = build(prepared.fused, ranges, bits, additions)
        flips = flips_per_mac(network, max_shift)
        if flips <= budget and (best is None or flips > best[0]):
            best = (flips, network)
        return flips <= budget

    low = high = min(max(budget / bits - 0.5, LEAST_ADDITIONS), LARGEST_ADDITIONS)
    while low > LEAST_ADDITIONS and not fits(low):
        high, low = low, max(low / 2, LEAST_ADDITIONS)
    while high < LARGEST_ADDITIONS and fits(high):
        low, high = high, min(high * 2, LARGEST_ADDITIONS)
    for additions in (low, high):
        fits(additions)
    for _ in range(_BISECTIONS):
        middle = (low * high) ** 0.5
        if fits(middle):
            low = middle
        else:
            high = middle
    if best is None:
        return None
    network = best[1]
    if prepared.recipe.correct_biases:
        images = prepared.images[:_CORRECTION_IMAGES]
        network = correct_biases(network, prepared.fused, prepared.means, images)
    return replace(network, budget=budget, bits=bits, additions=mean_additions(network))


def fit_layers(
    prepared: Prepared,
    budget: float,
    max_shift: int = 0,
    widths: Sequence[int] = WIDTHS,
    input_widths: Sequence[int] = WIDTHS,
) -> IntegerNetwork | None:
    """The network whose widths and terms per layer follow the sensitivities, within a budget.

    None where no widths and terms are within it. Its ``bits`` are None.

    Parameters
    ----------
    widths, input_widths : as allocate() takes them
    """
    plan = allocate(
        prepared.fused,
        _template(prepared, WIDTHS[-1]),
        prepared.sensitivities(max_shift),
        budget,
        max_shift,
        widths,
        input_widths,
    )
    return None if plan is None else _planned(prepared, plan, budget, max_shift, None)


def least_flips(prepared: Prepared, bits: int, max_shift: int = 0) -> float:
    """Flips per MAC below which activations of ``bits`` bits leave hardly a weight.

    What shortcuts, means and copies take, and 1/16 per learned weight and bit of its input.
    """
    network = _template(prepared, bits)
    tensors = network.tensors
    flips = 0.0
    for layer in network.layers:
        if isinstance(layer, Accumulate):
            positions = layer.output.shape[1] * layer.output.shape[2]
            for source in layer.sources:
                least = LEAST_COST * source.weights.size
                cost = least if source.learned else additions_cost(source.weights, max_shift)
                flips += positions * tensors[source.tensor].bits * cost
    return flips / network.macs


def _template(prepared: Prepared, bits: int) -> IntegerNetwork:
    return build(prepared.fused, prepared.hidden_ranges(bits), bits, 2.0)


def _planned(
    prepared: Prepared, plan: Plan, budget: float, max_shift: int, bits: int | None
) -> IntegerNetwork | None:
    ranges = dict(prepared.ranges(WIDTHS[-1]))
    for name, width in plan.bits.items():
        if name in ranges:
            ranges[name] = prepared.ranges(width)[name]
    for _ in range(_PASSES):
        network = quantise_layers(
            prepared.fused, ranges, plan, prepared.images, prepared.recipe, budget, max_shift,
            prepared.importance,
        )  # fmt: skip
        if network is None:
            return None
        if flips_per_mac(network, max_shift) <= budget:
            return replace(network, budget=budget, bits=bits, additions=mean_additions(network))
        plan = _as_spent(plan, network, max_shift)
    return None


def _as_spent(plan: Plan, network: IntegerNetwork, max_shift: int) -> Plan:
    """The plan with what additions, means and copies have taken in a network."""
    tensors = network.tensors
    spent = {
        layer.output.name: layer_flips(layer, tensors, max_shift)
        for layer in network.layers
        if not layer_macs(layer)
    }
    return replace(plan, flips={**plan.flips, **spent})
