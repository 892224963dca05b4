"""Every arithmetic unit that is measured, with the operands that it takes from a source."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from pann_hw.integer.terms import encode
from pann_hw.power.accumulator import Accumulator
from pann_hw.power.average_pool import AveragePool
from pann_hw.power.mac import Mac
from pann_hw.power.max_pool import MaxPool
from pann_hw.power.multiplier import MOST_BITS, Multiplier
from pann_hw.power.pann_adder import PannAdder
from pann_hw.power.products import KINDS
from pann_hw.power.requantiser import Requantiser
from pann_hw.power.residual_add import ResidualAdd
from pann_hw.power.serial_multiplier import SerialMultiplier
from pann_hw.power.source import MOST_ADDITIONS, Source
from pann_hw.power.unit import Operands, Unit

__all__ = ["MAX_SHIFT", "Entry", "catalogue"]

MAX_SHIFT = 3
"""Largest shift of a CSD term, that of the accelerator's default lane."""


@dataclass(frozen=True)
class Entry:
    """A unit to measure.

    Attributes
    ----------
    unit : the unit
    group : what it is for: "multiplier", "accumulator", "mac", "unequal", "pann", "requantiser",
        "pool" or "residual"
    operands : takes the unit's operands from a source
    """

    unit: Unit
    group: str
    operands: Callable[[Source], Operands]


def catalogue(bits: int, widths: Sequence[int], additions: float) -> list[Entry]:
    """All units for operands of ``bits`` bits.

    Parameters
    ----------
    bits : width of the operands, b or bx, 2..8
    widths : of accumulators, B
    additions : PANN's R, unary additions per weight, above 0 and at most 128

    Raises
    ------
    ValueError : a width or R out of range, an accumulator too narrow for its addends
    """
    if not 0 < additions <= MOST_ADDITIONS:
        raise ValueError(f"additions = {additions}: must be above 0 and at most {MOST_ADDITIONS}")
    groups = (
        _multipliers(bits),
        _accumulators(bits, widths),
        _macs(bits, widths),
        _unequal(bits, max(widths)),
        _pann(bits, widths, additions),
        _requantisers(bits, widths, additions),
        _pools(bits),
        _residual(bits),
    )
    return [entry for group in groups for entry in group]


def _multipliers(bits: int) -> Iterator[Entry]:
    for kind in KINDS:
        unit = Multiplier(kind, bits, bits)
        yield Entry(unit, "multiplier", _products(bits, bits, unit.signed))
    yield Entry(SerialMultiplier(bits, bits), "multiplier", partial(_fewer_products, bits=bits))


def _accumulators(bits: int, widths: Sequence[int]) -> Iterator[Entry]:
    for signed in (False, True):
        operands = partial(Source.addends, bits=2 * bits, signed=signed)
        for width in widths:
            yield Entry(Accumulator(2 * bits, width, signed), "accumulator", operands)


def _macs(bits: int, widths: Sequence[int]) -> Iterator[Entry]:
    for kind in KINDS:
        for width in widths:
            unit = Mac(kind, bits, bits, width)
            yield Entry(unit, "mac", _products(bits, bits, unit.multiplier.signed))


def _unequal(bits: int, width: int) -> Iterator[Entry]:
    """A narrow weight on a multiplier cut to size, and on one for two wide operands."""
    for kind in KINDS:
        for w_bits in dict.fromkeys((bits, MOST_BITS)):
            unit = Mac(kind, MOST_BITS, w_bits, width)
            yield Entry(unit, "unequal", _products(MOST_BITS, bits, unit.multiplier.signed))


def _pann(bits: int, widths: Sequence[int], additions: float) -> Iterator[Entry]:
    operands = partial(Source.weighted, x_bits=bits, additions=additions)
    for rails in (1, 2):
        for max_shift in (0, MAX_SHIFT):
            terms = _mean_terms(additions, max_shift)
            for width in widths:
                for low_bits in (0, bits + 1):
                    unit = PannAdder(bits, width, rails, max_shift, low_bits, terms)
                    yield Entry(unit, "pann", operands)


def _mean_terms(additions: float, max_shift: int) -> float:
    """Terms per weight where real weights are uniform, -2 R .. 2 R in units of their step."""
    reach = 2 * additions
    largest = math.ceil(reach)
    weights = np.arange(-largest, largest + 1)
    inside = (np.minimum(weights + 0.5, reach) - np.maximum(weights - 0.5, -reach)).clip(0)
    terms = [len(encode(int(weight), max_shift)) for weight in weights]
    return float(np.dot(inside, terms) / inside.sum())


def _requantisers(bits: int, widths: Sequence[int], additions: float) -> Iterator[Entry]:
    for width in widths:
        operands = partial(Source.sums, x_bits=bits, additions=additions, width=width)
        peak = min(max(round(18 * additions * 2**bits), 1), 2 ** (width - 1))
        yield Entry(Requantiser.typical(bits, width, peak), "requantiser", operands)


def _pools(bits: int) -> Iterator[Entry]:
    for size in (4, 16):
        operands = partial(Source.windows, x_bits=bits, size=size)
        yield Entry(MaxPool(bits, size), "pool", operands)
        yield Entry(AveragePool(bits, size), "pool", operands)


def _residual(bits: int) -> Iterator[Entry]:
    yield Entry(ResidualAdd(bits), "residual", partial(Source.pairs, x_bits=bits))


def _products(x_bits: int, w_bits: int, signed: bool) -> Callable[[Source], Operands]:
    return partial(Source.products, x_bits=x_bits, w_bits=w_bits, signed=signed)


def _fewer_products(source: Source, bits: int) -> Operands:
    """As many as take about as many cycles, ``bits + 1`` each, as others' one."""
    operands = source.products(bits, bits, signed=False)
    return {name: words[: -(-len(words) // (bits + 1))] for name, words in operands.items()}
