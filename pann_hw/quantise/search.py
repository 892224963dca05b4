"""Algorithm 1 of PANN (arXiv 2202.02783): the best width of activations for a budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from pann_hw.errors import InputError
from pann_hw.integer.network import IntegerNetwork
from pann_hw.network.graph import FloatGraph
from pann_hw.quantise.budget import WIDTHS, flips_per_mac, mean_bits, parse_budget
from pann_hw.quantise.post_training import Prepared, fit, fit_layers, least_flips, prepare
from pann_hw.quantise.quality import check_classes, float_outputs, quality
from pann_hw.quantise.recipe import PLAIN, Recipe

__all__ = ["Candidate", "best", "candidate", "fit_best", "fit_trial", "search", "trial_count"]


@dataclass(frozen=True, eq=False)
class Candidate:
    """One point on the curve of equal power.

    Attributes
    ----------
    bits : width of hidden activations, bx; where layers differ, the mean over MACs of what each
        reads, the input's 8 bits included
    additions : R, mean additions per MAC in unary
    flips_per_mac : what the network takes of the budget
    accuracy : part of the calibration images classified as labelled, None without labels
    agreement : part of the calibration images classified as by the float network
    error : squared error of the outputs over the float outputs' variance
    images : calibration images that the rates are over
    network : the integer network
    """

    bits: float
    additions: float
    flips_per_mac: float
    accuracy: float | None
    agreement: float
    error: float
    images: int
    network: IntegerNetwork


def search(
    graph: FloatGraph,
    x: np.ndarray,
    y: np.ndarray | None,
    budget: str | float,
    max_shift: int = 0,
    progress: Callable[[int, int], None] | None = None,
    recipe: Recipe = PLAIN,
    widths: Sequence[int] = WIDTHS,
    input_widths: Sequence[int] = WIDTHS,
) -> list[Candidate]:
    """A candidate for every width of activations in 2..8 that the budget reaches, in that order.

    Under a recipe with budgets per layer a candidate for each thrift, whose layers have widths of
    their own.

    Parameters
    ----------
    x, y : calibration images (n, C, H, W) and their classes (n,) or None
    budget : as parse_budget() takes it
    max_shift : largest shift of a term on the hardware; 0 is unary
    progress : called with (candidates done, candidates in all)
    recipe : how networks are quantised
    widths : that hidden activations may have, ascending, such as 2..4 for lanes of 4 bits
    input_widths : that the network's input may have; under a recipe without budgets per layer it
        has 8 bits

    Raises
    ------
    InputError : bad data, budget or widths, or a budget that no width reaches (the least is named)
    """
    flips = parse_budget(budget)
    if max_shift < 0:
        raise InputError(f"max_shift = {max_shift!r}: must be 0 (unary) or above")
    for name, given in (("widths", widths), ("input_widths", input_widths)):
        if not given or list(given) != sorted(set(given) & set(WIDTHS)):
            raise InputError(
                f"{name} = {list(given)}: must be some of {WIDTHS[0]}..{WIDTHS[-1]}, ascending"
            )
    check_classes(y, len(x), graph)
    prepared = prepare(graph, x, recipe)
    wanted = float_outputs(graph, x)
    candidates = []
    trials = _trials(prepared, widths, input_widths)
    for done, trial in enumerate(trials, 1):
        network = trial(flips, max_shift)
        if network is not None:
            taken = flips_per_mac(network, max_shift)
            candidates.append(candidate(network, x, y, wanted, taken))
        if progress is not None:
            progress(done, len(trials))
    if not candidates:
        least = min(least_flips(prepared, bits, max_shift) for bits in widths)
        raise InputError(
            f"budget {flips:g} flips per MAC: this network needs at least {least:.3g}, raise the "
            f"budget"
        )
    return candidates


def fit_best(prepared: Prepared, budget: float, max_shift: int = 0) -> IntegerNetwork | None:
    """Of all that a search tries the network of least output error on the calibration images.

    None where nothing that is tried is within the budget, in flips per MAC.
    """
    wanted = float_outputs(prepared.fused.graph, prepared.images)
    tried = [trial(budget, max_shift) for trial in _trials(prepared)]
    return min(
        (network for network in tried if network is not None),
        key=lambda network: quality(network, prepared.images, None, wanted).error,
        default=None,
    )


def fit_trial(
    prepared: Prepared, trial: int, budget: float, max_shift: int = 0
) -> IntegerNetwork | None:
    """One of the networks that a search tries; None where it cannot be within the budget.

    Unlike the best of all, it changes steadily with the budget.

    Parameters
    ----------
    trial : its number, 0 to trial_count() - 1
    budget : flips per MAC
    """
    return _trials(prepared)[trial](budget, max_shift)


def trial_count(recipe: Recipe) -> int:
    """How many candidates a search under a recipe tries."""
    return 1 + len(recipe.other_thrifts) if recipe.layer_budgets else len(WIDTHS)


def _trials(
    prepared: Prepared, widths: Sequence[int] = WIDTHS, input_widths: Sequence[int] = WIDTHS
) -> list[Callable[[float, int], IntegerNetwork | None]]:
    """Networks to try, each for a budget and a largest shift."""
    recipe = prepared.recipe
    if not recipe.layer_budgets:
        return [partial(fit, prepared, bits) for bits in widths]
    # Sensitivities are measured once, at the recipe's own thrift.
    recipes = [replace(recipe, thrift=one) for one in (recipe.thrift, *recipe.other_thrifts)]
    return [
        partial(fit_layers, replace(prepared, recipe=one), widths=widths, input_widths=input_widths)
        for one in recipes
    ]


def best(candidates: list[Candidate]) -> Candidate:
    """The most accurate candidate; where that is a tie the one that agrees most with the float
    network; where that is one too, the one of the smallest output error.

    What differs by no more than the standard error of a rate over that many images is a tie: a
    single lucky image would otherwise outweigh an output error that is ten times as large.
    """
    tied = _tied(candidates, [candidate.accuracy or 0.0 for candidate in candidates])
    tied = _tied(tied, [candidate.agreement for candidate in tied])
    return min(tied, key=lambda candidate: candidate.error)


def _tied(candidates: list[Candidate], rates: list[float]) -> list[Candidate]:
    """Candidates within a standard error of the best rate (Laplace's estimate, never 0)."""
    images = candidates[0].images
    highest = max(rates)
    estimate = (highest * images + 1) / (images + 2)
    least = highest - (estimate * (1 - estimate) / images) ** 0.5
    return [one for one, rate in zip(candidates, rates, strict=True) if rate >= least]


def candidate(
    network: IntegerNetwork,
    x: np.ndarray,
    y: np.ndarray | None,
    wanted: np.ndarray,
    flips: float,
) -> Candidate:
    """A network with what calibration images say of it.

    Parameters
    ----------
    x, y : images (n, C, H, W) and their classes (n,) or None
    wanted : the float network's outputs for them
    flips : what it takes, per MAC
    """
    found = quality(network, x, y, wanted)
    assert network.additions is not None
    return Candidate(
        bits=mean_bits(network) if network.bits is None else network.bits,
        additions=network.additions,
        flips_per_mac=flips,
        accuracy=found.accuracy,
        agreement=found.agreement,
        error=found.error,
        images=len(x),
        network=network,
    )
