"""What a sized accelerator has to keep: a power at a rate, or an energy per inference."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pann_hw.errors import InputError
from pann_hw.sizing.cost import Cost
from pann_hw.sizing.quantities import shown

__all__ = ["Goal", "slowest_clock"]


@dataclass(frozen=True)
class Goal:
    """A budget.

    Attributes
    ----------
    limit : W, or J per inference
    unit : "W" or "J"
    fps : inferences per second; None for a budget of energy at any rate
    fastest : Hz that the clock may have at most
    memories : whether the budget is for the memories too, which are an estimate

    Raises
    ------
    InputError : a number that is not above 0, or a power without a rate
    """

    limit: float
    unit: str
    fps: float | None
    fastest: float
    memories: bool = True

    def __post_init__(self) -> None:
        if self.unit == "W" and self.fps is None:
            raise InputError(f"power {shown(self.limit, 'W')}: needs a rate, --fps")
        # Comparisons that are false for nan too.
        if self.fps is not None and not 0 < self.fps < math.inf:
            raise InputError(f"fps {self.fps:g}: must be above 0")
        if not 0 < self.fastest < 1e11:
            raise InputError(
                f"clock {self.fastest / 1e6:g} MHz: must be above 0 and below 100000 MHz"
            )

    def clock(self, cycles: float) -> float:
        """Hz: the slowest that makes the rate, of three digits; the fastest where there is none."""
        return self.fastest if self.fps is None else slowest_clock(cycles * self.fps)

    def reachable(self, cycles: float) -> bool:
        """Whether inferences of so many cycles make the rate."""
        return self.clock(cycles) <= self.fastest

    def amount(self, cost: Cost, cycles: float, clock: float) -> float:
        """What inferences that follow each other without a pause take, in the limit's unit."""
        energy = cost.energy(cycles / clock, memories=self.memories) * 1e-15
        return energy if self.unit == "J" else energy * clock / cycles


def slowest_clock(rate: float) -> float:
    """The least Hz of three significant digits that is not below ``rate``.

    It is what its own text in MHz gives back, ``float(f"{hz / 1e6:g}") * 1e6``.
    """
    step = 10.0 ** (math.floor(math.log10(rate)) - 2)
    digits = math.ceil(rate / step * (1 - 1e-12))
    return float(f"{digits * step / 1e6:.6g}") * 1e6
