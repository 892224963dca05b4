"""A budget shared out: the widths and terms at which the output's error is least.

Errors of the parts are taken to add up. With a price of a flip, each layer takes the additions,
and each value, the input too, the width, at which error plus price is least; the price is sought at
which the flips meet the budget.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pann_hw.integer.network import Accumulate, IntegerNetwork
from pann_hw.quantise.budget import LEAST_COST, WIDTHS, additions_cost
from pann_hw.quantise.build import INPUT_BITS
from pann_hw.quantise.fuse import Fused, Sum
from pann_hw.quantise.layerwise import Plan
from pann_hw.quantise.sensitivity import Sensitivities

__all__ = ["allocate", "curve", "uniform"]

_SWEEPS = 4
_BISECTIONS = 50
_COSTS = np.geomspace(LEAST_COST, 32, 180)


@dataclass(frozen=True, eq=False)
class _Part:
    """A layer as the budget sees it: weights per input value, error at each cost of a weight.

    ``flips = positions * sum_v bits[v] * (fixed[v] + cost * weights[v])``
    """

    positions: int
    weights: Mapping[str, int]
    fixed: Mapping[str, float]
    errors: np.ndarray | None

    def flips(self, bits: Mapping[str, int], cost: float) -> float:
        """Per inference."""
        each = sum(bits[v] * (f + cost * self.weights[v]) for v, f in self.fixed.items())
        return self.positions * each

    def best(self, bits: Mapping[str, int], price: float) -> tuple[float, float]:
        """Cost per weight, and error plus price of the flips."""
        if self.errors is None:
            return 0.0, price * self.flips(bits, 0.0)
        slope = price * self.positions * sum(bits[v] * n for v, n in self.weights.items())
        merit = self.errors + slope * _COSTS
        index = int(merit.argmin())
        return float(_COSTS[index]), float(merit[index]) + price * self.flips(bits, 0.0)


def uniform(fused: Fused, template: IntegerNetwork, bits: int, max_shift: int) -> Plan:
    """Every value of ``bits`` bits, and as many additions per weight in every layer.

    Parameters
    ----------
    template : what build() makes of ``fused``, at any width and R
    """
    roots = _roots(template)
    chosen = dict.fromkeys(set(roots.values()), bits) | {template.input.name: INPUT_BITS}
    parts = _parts(fused, template, roots, max_shift, None)
    flips = {name: part.flips(chosen, 0.0 if part.errors is None else 1.0)
             for name, part in parts.items()}  # fmt: skip
    widths = {layer.output.name: bits for layer in template.layers}
    return Plan({template.input.name: INPUT_BITS, **widths}, flips)


def allocate(
    fused: Fused,
    template: IntegerNetwork,
    sensitivities: Sensitivities,
    budget: float,
    max_shift: int,
    widths: Sequence[int] = WIDTHS,
    input_widths: Sequence[int] = WIDTHS,
) -> Plan | None:
    """The plan of least error within ``budget`` flips per MAC; None where none is.

    Parameters
    ----------
    template : what build() makes of ``fused``, at any width and R
    widths : that hidden values may have, ascending
    input_widths : that the network's input may have, ascending
    """
    roots = _roots(template)
    parts = _parts(fused, template, roots, max_shift, sensitivities)
    allowed = {
        name: input_widths if name == template.input.name else widths
        for name in sensitivities.widths
    }
    errors = {
        name: curve(pairs, np.array(allowed[name], float), logarithmic=False)
        for name, pairs in sensitivities.widths.items()
    }
    readers: dict[str, list[_Part]] = {}
    for part in parts.values():
        for value in part.fixed:
            readers.setdefault(value, []).append(part)
    limit = budget * template.macs

    def at(price: float) -> tuple[dict[str, int], dict[str, float]]:
        bits = dict.fromkeys(roots.values(), widths[-1])
        bits |= {template.input.name: input_widths[-1]}
        for _ in range(_SWEEPS):
            for value in errors:
                merits = []
                for width, error in zip(allowed[value], errors[value], strict=True):
                    bits[value] = width
                    cost = sum(part.best(bits, price)[1] for part in readers.get(value, []))
                    merits.append(float(error) + cost)
                bits[value] = allowed[value][int(np.argmin(merits))]
        flips = {name: part.flips(bits, part.best(bits, price)[0]) for name, part in parts.items()}
        return bits, flips

    low, high = 1e-20, 1e3
    if sum(at(high)[1].values()) > limit:
        return None
    for _ in range(_BISECTIONS):
        price = (low * high) ** 0.5
        if sum(at(price)[1].values()) > limit:
            low = price
        else:
            high = price
    bits, flips = at(high)
    made = {name: bits[root] for name, root in roots.items()}
    return Plan({template.input.name: bits[template.input.name], **made}, flips)


def curve(pairs: Sequence[tuple[float, float]], at: np.ndarray, logarithmic: bool) -> np.ndarray:
    """Errors at other places: straight lines of the error's logarithm, the last ones continued.

    Parameters
    ----------
    pairs : (place, error), at least two of different places
    logarithmic : take the logarithm of the place too
    """
    places = np.array([place for place, _ in pairs], float)
    # More never hurts: what does in a measurement is chance.
    errors = np.log(np.maximum(np.minimum.accumulate([error for _, error in pairs]), 1e-12))
    targets = np.log(at) if logarithmic else at
    places = np.log(places) if logarithmic else places
    found = np.interp(targets, places, errors)
    for side, one, other in ((targets < places[0], 0, 1), (targets > places[-1], -1, -2)):
        slope = (errors[one] - errors[other]) / (places[one] - places[other])
        found[side] = errors[one] + slope * (targets[side] - places[one])
    result: np.ndarray = np.exp(found)
    return result


def _roots(template: IntegerNetwork) -> dict[str, str]:
    """For each value that a layer makes the one whose width it has: pooling keeps its input's."""
    roots: dict[str, str] = {}
    for layer in template.layers:
        name = layer.output.name
        if isinstance(layer, Accumulate) and layer.kind != "select":
            roots[name] = name
        else:
            read = layer.sources[0].tensor if isinstance(layer, Accumulate) else layer.tensor
            roots[name] = roots.get(read, read)
    return roots


def _parts(
    fused: Fused,
    template: IntegerNetwork,
    roots: Mapping[str, str],
    max_shift: int,
    sensitivities: Sensitivities | None,
) -> dict[str, _Part]:
    parts = {}
    for layer, source in zip(template.layers, fused.layers, strict=True):
        if not isinstance(layer, Accumulate):
            continue
        weights: dict[str, int] = {}
        fixed: dict[str, float] = {}
        for one in layer.sources:
            value = roots.get(one.tensor, one.tensor)
            learned = one.weights.size if one.learned else 0
            other = 0.0 if one.learned else additions_cost(one.weights, max_shift)
            weights[value] = weights.get(value, 0) + learned
            fixed[value] = fixed.get(value, 0.0) + other
        errors = None
        if isinstance(source, Sum) and source.convolutions:
            errors = np.zeros(len(_COSTS))
            if sensitivities is not None:
                pairs = sensitivities.rounding[source.name]
                errors = curve(pairs, _COSTS, logarithmic=max_shift == 0)
        positions = layer.output.shape[1] * layer.output.shape[2]
        parts[source.name] = _Part(positions, weights, fixed, errors)
    return parts
