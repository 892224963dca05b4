"""The accelerators of one core that are compared: the method's, and conventional ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pann_hw.config import AcceleratorConfig

__all__ = ["BASE", "CLAIMS", "DESIGNS", "Claim", "Design"]

BASE: Mapping[str, int | str] = {
    "lanes": 32,
    "cores": 1,
    "banks": 2,
    "window_slots": 16,
    "operand_width": 8,
    "low_bits": 8,
    "input_elements": 4,
    "activation_words": 65536,
    "term_words": 131072,
    "descriptor_words": 65536,
}
"""What all designs share; accumulators and memories are then as small as the program allows."""


@dataclass(frozen=True)
class Design:
    """An accelerator, and the network that it runs.

    Attributes
    ----------
    name, title : for the command line, and for people
    column : of :data:`benchmarks.frontier_columns.FRONTIER`, how the network is quantised
    encoding : of its weights
    lane : parameters of the accelerator
    """

    name: str
    title: str
    column: str
    encoding: str
    lane: Mapping[str, int | str]

    @property
    def config(self) -> AcceleratorConfig:
        """The accelerator, larger than the program needs."""
        return AcceleratorConfig.of({**BASE, **self.lane}, self.name)


def _plain(bits: int) -> Design:
    return Design(
        f"plain{bits}",
        f"signed {bits}-bit MAC, plain",
        f"signed-{bits}bit",
        "dense",
        {"lane": "signed_mac", "multiplier_width": bits, "rails": 1, "low_bits": 24},
    )


DESIGNS = {
    design.name: design
    for design in (
        Design("pann", "PANN, one term a cycle", "8-csd", "csd", {"lane": "csd", "rails": 1}),
        Design(
            "pann_two", "PANN, two terms a cycle", "8-csd", "csd",
            {"lane": "csd", "rails": 1, "terms_per_rail": 2},
        ),
        Design(
            "tricks", "4 x 6-bit MAC, all tricks", "unsigned-4x6bit", "sparse",
            {"lane": "mac", "multiplier_width": 4, "rails": 2},
        ),
        Design(
            "unsigned_mac", "4 x 6-bit MAC in PANN's accumulator", "unsigned-4x6bit", "sparse",
            {"lane": "mac", "multiplier_width": 4, "rails": 1},
        ),
        _plain(8),
        _plain(2),
    )
}  # fmt: skip
"""Plain: neither zero skipping nor gated accumulators. All tricks: zero skipping, carry-gated
accumulators, two products an accumulator and cycle."""


@dataclass(frozen=True)
class Claim:
    """That the method's core takes less, or is smaller, than another.

    Attributes
    ----------
    other : the design that it is compared with
    asked : the other's energy, or area, divided by the method's, at least
    area : of the lanes, instead of the energy of the core
    """

    other: str
    asked: float
    area: bool = False


CLAIMS = (
    Claim("tricks", 1.5),
    Claim("plain8", 5.0),
    Claim("plain2", 1.0),
    Claim("tricks", 2.0, area=True),
)
