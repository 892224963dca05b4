"""The lanes that are compared: of the method, and conventional ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from amaranth.lib import wiring

from benchmarks.lanes_core import Structure
from benchmarks.lanes_schedule import Schedule, by_place, by_sign, terms_of
from benchmarks.lanes_tiles import Tile
from benchmarks.lanes_trials import TrialLane
from pann_hw.config import AcceleratorConfig
from pann_hw.program.encoding import create_encoding
from rtl_gen.lane import create_lane

__all__ = ["GROUPS", "LANES", "METHOD", "VARIANTS", "Variant"]

LANES = 16

_GROUP, _GROUP_SLOTS = 12, 16
_FEW_SLOTS = 4
_FEW = Structure(_FEW_SLOTS)
_LOW_BITS = 8
_WIDE = AcceleratorConfig().accumulator_width


@dataclass(frozen=True)
class Variant:
    """A lane, what surrounds it, and how terms come.

    Attributes
    ----------
    name : on the command line and in JSON
    title : in tables
    group : of rows in tables
    network : whose weights and activations it is measured on
    config : lane kind, terms, widths
    structure : of the core
    low_bits : of the accumulator, always clocked; None: all
    encoding : of weights
    signs : as :func:`by_place` takes them; of accumulators that are signed, or two
    windows : of a group, as :func:`by_sign` takes them; None: by_place
    order : of terms within a group
    sums, rests : of a :class:`TrialLane`; None for a lane of the generator's
    ripple : adders whose carries ripple
    width : of the accumulator; None: what the network's sums need
    everywhere : measured on every technology, not only on the first that is asked for
    """

    name: str
    title: str
    group: str
    network: str
    config: AcceleratorConfig
    structure: Structure = _FEW
    low_bits: int | None = _LOW_BITS
    encoding: str = "csd"
    signs: str = "preferred"
    windows: int | None = None
    order: str = "window"
    sums: int | None = None
    rests: bool = True
    ripple: bool = True
    width: int | None = None
    everywhere: bool = False

    def sized(self, width: int) -> AcceleratorConfig:
        """The configuration for sums of ``width`` bits; accumulators have no fewer than 12."""
        width = self.width or max(width, self.config.step_width + 1, 12)
        low = width if self.low_bits is None else min(self.low_bits, width - 1)
        return replace(self.config, accumulator_width=width, low_bits=low)

    def lane(self, config: AcceleratorConfig) -> wiring.Component:
        """A lane of a configuration that :meth:`sized` made."""
        if self.sums is None:
            return create_lane(config)
        return TrialLane(config, sums=self.sums, rests=self.rests, shifted=self.structure.shifts)

    def schedule(self, tile: Tile) -> Schedule:
        """A tile's terms, cycle by cycle."""
        terms = list(terms_of(tile.weights, create_encoding(self.config, self.encoding)))
        if self.windows is None:
            return by_place(terms, self.config.terms, signs=self.signs)
        return by_sign(terms, self.config.terms, group=self.windows, order=self.order)


def _config(**values: object) -> AcceleratorConfig:
    plain: dict[str, object] = {
        "lanes": LANES, "rails": 1, "accumulator": "signed", "accumulator_width": 32,
        "window_slots": 4, "banks": 1, "low_bits": 1,
    }  # fmt: skip
    return AcceleratorConfig.of(plain | values, "variant")


_NARROW = "method-narrow"
_CSD, _UNARY = "8-csd", "3bit-unary"
_UNEQUAL = "unsigned-4x6bit"

METHOD = Variant(
    "method", "unsigned accumulator, CSD, groups of 12 windows", "The method", _CSD,
    _config(lane="csd", accumulator="unsigned"),
    Structure(_GROUP_SLOTS), windows=_GROUP, everywhere=True,
)  # fmt: skip
"""What all others are compared with."""


def _published() -> Iterator[Variant]:
    group = "As published: unary, signed accumulator"
    base = Variant(
        "unary-plain", "one rail, no gate", group, _UNARY, _config(lane="unary"),
        low_bits=None, encoding="unary", signs="any", everywhere=True,
    )  # fmt: skip
    yield base
    yield replace(base, name="unary-gated", title="one rail, gated", low_bits=_LOW_BITS)
    two = _config(lane="unary", rails=2)
    yield replace(
        base, name="unary-rails", title="two rails, gated", config=two, low_bits=_LOW_BITS,
        signs="preferred", everywhere=False,
    )  # fmt: skip
    yield replace(
        METHOD, name="unary-unsigned", title="one rail, unsigned accumulator, groups of 12",
        group=group, network=_UNARY, config=_config(lane="unary", accumulator="unsigned"),
        encoding="unary", everywhere=False,
    )  # fmt: skip


def _signed() -> Iterator[Variant]:
    group = "CSD terms, signed accumulator, gated"
    for rails, terms in ((1, 1), (2, 1), (2, 2)):
        yield Variant(
            f"csd-{rails}x{terms}",
            f"{('one rail', 'two rails')[rails - 1]}, terms a cycle: {rails * terms}", group, _CSD,
            _config(lane="csd", rails=rails, terms_per_rail=terms),
            signs="any" if rails == 1 else "preferred", everywhere=rails * terms == 2,
        )  # fmt: skip
    two = _config(lane="csd", rails=2)
    for low in (5, 6, 10):
        title = f"two rails, {low} low bits"
        yield Variant(f"csd-2x1-low{low}", title, group, _CSD, two, low_bits=low)
    yield Variant("csd-2x1-default", "two rails, Yosys' own adders", group, _CSD, two, ripple=False)
    yield Variant(
        "csd-2x1-register", "two rails, operand register", group, _CSD, two,
        Structure(_FEW_SLOTS, registers=True),
    )  # fmt: skip


def _unsigned() -> Iterator[Variant]:
    yield METHOD
    # Hidden activations have no more; the input takes two passes, as it would with 4 x 6 bits.
    yield replace(
        METHOD, name=_NARROW, title="the same with 6-bit operands",
        config=_config(lane="csd", accumulator="unsigned", operand_width=6, weight_width=2),
    )  # fmt: skip
    for windows, slots in ((2, 4), (4, 8), (8, 16)):
        yield _method(
            f"group{windows}", f"groups of {windows} windows, {slots} slots",
            structure=Structure(slots), windows=windows,
        )  # fmt: skip
    for low in (5, 6, 10):
        yield _method(f"low{low}", f"{low} low bits", low_bits=low)
    yield _method(
        "terms2", "two terms a cycle",
        config=_config(lane="csd", accumulator="unsigned", terms_per_rail=2),
    )  # fmt: skip
    yield _method("by-shift", "terms sorted by shift", order="factor")
    yield _method("by-offset", "terms sorted by neighbour", order="offset")
    yield _method("always", "clocked also where the operand is 0", sums=1, rests=False)
    yield _method(
        "shift-first", "shifter before the select", sums=1,
        structure=Structure(_GROUP_SLOTS, shifts=True),
    )  # fmt: skip
    yield _method("register", "operand register", structure=Structure(_GROUP_SLOTS, registers=True))
    yield _method("default-adders", "Yosys' own adders", ripple=False)
    for bits in (6, 4):
        yield _method(
            f"x{bits}", f"{bits}-bit operands, a network of such", network=f"8-csd-x{bits}",
            config=_config(lane="csd", accumulator="unsigned", operand_width=bits, weight_width=2),
        )  # fmt: skip


def _method(name: str, title: str, **changes: Any) -> Variant:
    return replace(METHOD, name=f"method-{name}", title=title, everywhere=False, **changes)


def _two_sums() -> Iterator[Variant]:
    group = "Two unsigned sums, of positive and of negative terms"
    base = Variant(
        "sums", "CSD, a term for each", group, _CSD, _config(lane="csd", rails=2),
        signs="kept", sums=2, everywhere=True,
    )  # fmt: skip
    yield base
    yield replace(
        base, name="sums-held", title="operands held, not 0", everywhere=False,
        structure=Structure(_FEW_SLOTS, holds=True),
    )  # fmt: skip
    yield replace(
        base, name="sums-always", title="clocked also where operands are 0", rests=False,
        everywhere=False,
    )  # fmt: skip
    yield replace(
        base, name="sums-4", title="two terms for each", everywhere=False,
        config=_config(lane="csd", rails=2, terms_per_rail=2),
    )  # fmt: skip
    yield replace(
        base, name="sums-mac-4x6", title="multiplier 4 x 6, a product for each", network=_UNEQUAL,
        config=_mac(4, 6, rails=2), encoding="sparse",
    )  # fmt: skip


def _mac(bits: int, x_bits: int, **values: object) -> AcceleratorConfig:
    return _config(
        lane="mac", multiplier_width=bits, operand_width=x_bits, weight_width=2, **values
    )


def _conventional() -> Iterator[Variant]:
    group = "Conventional, unsigned magnitudes: zeros skipped, signed accumulator, gated"
    pairs = [(4, 6), *((bits, bits) for bits in range(2, 9))]
    for bits, x_bits in pairs:
        network = _UNEQUAL if bits != x_bits else f"unsigned-{bits}bit"
        for rails in (1, 2):
            yield Variant(
                f"mac-{bits}x{x_bits}-{rails}",
                f"{bits} x {x_bits}, {('one product', 'two products')[rails - 1]}", group, network,
                _mac(bits, x_bits, rails=rails), encoding="sparse",
                signs="any" if rails == 1 else "preferred", everywhere=bits != x_bits,
            )  # fmt: skip
    group = "The multiplier in the unsigned accumulator, groups of 12 windows"
    for bits, x_bits in pairs:
        network = _UNEQUAL if bits != x_bits else f"unsigned-{bits}bit"
        yield replace(
            METHOD, name=f"mac-{bits}x{x_bits}-unsigned", title=f"{bits} x {x_bits}", group=group,
            network=network, config=_mac(bits, x_bits, accumulator="unsigned"), encoding="sparse",
            everywhere=bits != x_bits,
        )  # fmt: skip
    group = "Conventional, signed: nothing skipped, accumulator without gate"
    for bits in range(2, 9):
        config = _config(
            lane="signed_mac", multiplier_width=bits, operand_width=bits, weight_width=2
        )
        fitted = Variant(
            f"signed-{bits}", f"{bits} x {bits}", group, f"signed-{bits}bit", config,
            low_bits=None, encoding="dense", signs="any", everywhere=bits in (2, 8),
        )  # fmt: skip
        yield fitted
        if bits == 2:
            # As wide as the others' are, or nearly: what fits the network is far narrower.
            yield replace(
                fitted, name=f"signed-{bits}-wide", title=f"{fitted.title}, {_WIDE} bits",
                width=_WIDE,
            )  # fmt: skip


def _all() -> Sequence[Variant]:
    return [
        *_unsigned(), *_two_sums(), *_published(), *_signed(), *_conventional(),
    ]  # fmt: skip


VARIANTS: Mapping[str, Variant] = {variant.name: variant for variant in _all()}

GROUPS: Sequence[str] = list(dict.fromkeys(variant.group for variant in VARIANTS.values()))
"""Groups of variants, in the tables' order."""
