"""Post-training quantisation: the integer network that uses a budget up, for given activations."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pann_hw.errors import InputError
from pann_hw.integer.network import IntegerNetwork
from pann_hw.network.graph import Convolution, FloatGraph
from pann_hw.quantise.budget import WIDTHS, flips_per_mac, mean_additions, parse_budget
from pann_hw.quantise.build import build, choose_ranges
from pann_hw.quantise.calibrate import Statistics, calibrate
from pann_hw.quantise.correct import channel_means, correct_biases
from pann_hw.quantise.fuse import Fused, fuse

__all__ = ["Prepared", "fit", "least_flips", "prepare", "quantise"]

LEAST_ADDITIONS = 1 / 8
"""Smallest R that is tried: below it hardly any weight is left."""

LARGEST_ADDITIONS = 128.0
"""Largest R that is tried: weights then have more than 8 bits."""

_BISECTIONS = 16
_CORRECTION_IMAGES = 256


@dataclass(frozen=True, eq=False)
class Prepared:
    """A float graph with all that calibration tells about it, for any width and budget.

    Attributes
    ----------
    fused : the layers to be
    statistics : of every value by name
    images, means : the images that biases are corrected on, and the float values' channel means
    """

    fused: Fused
    statistics: dict[str, Statistics]
    images: np.ndarray
    means: dict[str, np.ndarray]


def prepare(graph: FloatGraph, calibration: np.ndarray) -> Prepared:
    """Fuse and calibrate a graph.

    Parameters
    ----------
    calibration : images of shape (n, C, H, W), finite; a few hundred are enough

    Raises
    ------
    InputError : bad calibration data, or a network without any convolution or linear layer
    """
    fused = fuse(graph)
    if not any(isinstance(node, Convolution) for node in fused.graph.nodes):
        raise InputError(
            "the network has no convolution and no linear layer: there is nothing to quantise"
        )
    statistics = calibrate(fused.graph, calibration)
    images = calibration[:_CORRECTION_IMAGES]
    return Prepared(fused, statistics, images, channel_means(fused, images))


def quantise(
    graph: FloatGraph, calibration: np.ndarray, bits: int, budget: float, max_shift: int = 0
) -> IntegerNetwork:
    """The integer network with activations of ``bits`` bits that comes closest to a budget.

    Parameters
    ----------
    calibration : images of shape (n, C, H, W), finite
    bits : width of all hidden activations, 2..8; the input has 8
    budget : flips per MAC, above 0 and at most 64
    max_shift : largest shift of a term on the hardware; 0 is unary

    Raises
    ------
    InputError : a parameter out of its range, bad calibration data, or a budget too small
    """
    if bits not in WIDTHS:
        raise InputError(f"bits = {bits!r}: must be {WIDTHS[0]}..{WIDTHS[-1]}")
    if max_shift < 0:
        raise InputError(f"max_shift = {max_shift!r}: must be 0 (unary) or above")
    prepared = prepare(graph, calibration)
    network = fit(prepared, bits, parse_budget(budget), max_shift)
    if network is None:
        least = least_flips(prepared, bits, max_shift)
        raise InputError(
            f"budget {budget:g} flips per MAC: activations of {bits} bits need at least "
            f"{least:.3g}, raise the budget or take fewer bits"
        )
    return network


def fit(prepared: Prepared, bits: int, budget: float, max_shift: int = 0) -> IntegerNetwork | None:
    """:func:`quantise` for a prepared graph; None where even the least R exceeds the budget.

    One R for all layers, by bisection from ``R = budget / bits - 1/2``, which would be exact if
    every tensor had ``bits`` bits and there were learned weights only.
    """
    ranges = choose_ranges(prepared.fused, prepared.statistics, bits)
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
    network = correct_biases(best[1], prepared.fused, prepared.means, prepared.images)
    return replace(network, budget=budget, bits=bits, additions=mean_additions(network))


def least_flips(prepared: Prepared, bits: int, max_shift: int = 0) -> float:
    """Flips per MAC at the smallest R that is tried, for activations of ``bits`` bits."""
    ranges = choose_ranges(prepared.fused, prepared.statistics, bits)
    return flips_per_mac(build(prepared.fused, ranges, bits, LEAST_ADDITIONS), max_shift)
