"""The list of units: each variant once, with operands that it takes."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from pann_hw.integer.terms import encode
from pann_hw.power.accumulator import Accumulator
from pann_hw.power.catalogue import MAX_SHIFT, Entry, catalogue
from pann_hw.power.mac import Mac
from pann_hw.power.multiplier import Multiplier
from pann_hw.power.pann_adder import PannAdder
from pann_hw.power.products import KINDS
from pann_hw.power.sources import create_source
from pann_hw.power.unit import CLASSES

WIDTHS = (16, 24, 32)
GROUPS = ("multiplier", "accumulator", "mac", "unequal", "pann", "requantiser", "pool", "residual")


def group(entries: list[Entry], name: str) -> list[Entry]:
    return [entry for entry in entries if entry.group == name]


@pytest.mark.parametrize("bits", range(2, 9))
def test_every_variant_once(bits: int) -> None:
    entries = catalogue(bits, WIDTHS, 2.0)
    assert tuple(dict.fromkeys(entry.group for entry in entries)) == GROUPS
    for name in GROUPS:
        names = Counter(entry.unit.name for entry in group(entries, name))
        assert max(names.values()) == 1, name
    macs = {entry.unit for entry in group(entries, "mac")}
    assert macs == {Mac(kind, bits, bits, width) for kind in KINDS for width in WIDTHS}
    assert {Multiplier(kind, bits, bits) for kind in KINDS} < {
        entry.unit for entry in group(entries, "multiplier")
    }
    assert {entry.unit for entry in group(entries, "accumulator")} == {
        Accumulator(2 * bits, width, signed) for width in WIDTHS for signed in (False, True)
    }
    adders = [entry.unit for entry in group(entries, "pann")]
    variants = {
        (unit.rails, unit.max_shift, unit.width, unit.low_bits)
        for unit in adders
        if isinstance(unit, PannAdder) and unit.x_bits == bits
    }
    assert variants == {
        (rails, max_shift, width, low_bits)
        for rails in (1, 2)
        for max_shift in (0, MAX_SHIFT)
        for width in WIDTHS
        for low_bits in (0, bits + 1)
    }


def test_narrow_weights_on_wide_multipliers() -> None:
    units = [entry.unit for entry in group(catalogue(3, WIDTHS, 2.0), "unequal")]
    macs = [unit for unit in units if isinstance(unit, Mac)]
    assert {(unit.x_bits, unit.w_bits, unit.width) for unit in macs} == {(8, 3, 32), (8, 8, 32)}
    # At 8 bits both are one.
    assert len(group(catalogue(8, WIDTHS, 2.0), "unequal")) == len(KINDS)


@pytest.mark.parametrize("source", ["uniform", "gaussian", "sparse"])
@pytest.mark.parametrize("bits", [2, 5, 8])
def test_units_take_their_operands(bits: int, source: str, seed: int) -> None:
    data = create_source(source, seed, 16, 20)
    for entry in catalogue(bits, WIDTHS, 2.0):
        operands = entry.operands(data)
        assert operands.keys() == entry.unit.operands.keys()
        counted = entry.unit.count(operands)
        assert counted.keys() <= set(CLASSES)
        assert sum(counted.values()) > 0
        assert sum(entry.unit.formula().values()) > 0


@pytest.mark.parametrize("additions", [0.6, 2.0, 3.7])
@pytest.mark.parametrize("max_shift", [0, MAX_SHIFT])
def test_mean_terms_of_uniform_weights(
    max_shift: int, additions: float, rng: np.random.Generator
) -> None:
    """Of the closed formula: real weights over -2 R .. 2 R, whose mean magnitude is R, rounded."""
    weights = np.floor(rng.uniform(-2 * additions, 2 * additions, 200_000) + 0.5).astype(int)
    mean = np.mean([len(encode(weight, max_shift)) for weight in weights.tolist()])
    for entry in group(catalogue(4, WIDTHS, additions), "pann"):
        unit = entry.unit
        assert isinstance(unit, PannAdder)
        if unit.max_shift == max_shift:
            assert unit.additions == pytest.approx(mean, rel=0.01)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, WIDTHS, 2.0), r"= 1: must be 2\.\."),
        ((9, WIDTHS, 2.0), r"= 9: must be 2\.\.8"),
        ((8, (16, 12), 2.0), r"accumulator_width = 12: too narrow for the addend of 16 bits"),
        ((4, (64,), 2.0), r"accumulator_width = 64: must be 2\.\.63"),
        ((4, WIDTHS, 0.0), r"additions = 0\.0: must be above 0 and at most 128"),
        ((4, WIDTHS, 129.0), r"additions = 129\.0: must be above 0 and at most 128"),
        ((4, WIDTHS, float("nan")), r"additions = nan: must be above 0"),
    ],
)
def test_arguments_are_checked(arguments: tuple[int, tuple[int, ...], float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        catalogue(*arguments)
