"""Expected flips of PANN's adder with two rails, from statistics of activations and weights.

The rail with fewer terms ends first and is 0 from there on: where p has D terms more than n in a
sequence, a normal variable, both run for ``(N_p + N_n - E|D|) / 2`` cycles and one for ``E|D|``
more. Flips are those inside these phases, and where they begin and end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pann_hw.power.addends import Addends, alike, differences, words_alone
from pann_hw.power.rails import HIGH_BITS, Rails, bit_rates, merged, step_rates
from pann_hw.power.statistics import WordStatistics
from pann_hw.power.term_stream import imbalance, surplus
from pann_hw.power.walk import Walk, moving, walk

__all__ = ["TwoRails"]


@dataclass(frozen=True, eq=False)
class _Phase:
    """A part of a sequence: its addends, cycles per weight, and how many sequences have it."""

    addends: Addends
    cycles: float
    chance: float


class TwoRails(Rails):
    """``p - n``, both at their own pace, but near each other in the same sequence.

    Raises
    ------
    ValueError : weights of one sign only
    """

    shifted_apart = True

    def __init__(self, x: WordStatistics, w: WordStatistics, max_shift: int) -> None:
        super().__init__(x, w, max_shift)
        if len(self._signs) < 2:
            low, high = w.values[0], w.values[-1]
            raise ValueError(f"weights are {low}..{high}: two rails need both signs")
        (p_rail, p), (n_rail, n) = self._signs
        more, chances = surplus(w, max_shift, self._length)
        together = max(p_rail.terms + n_rail.terms - sum(more), 0) / 2
        self.cycles = together + sum(more)
        self._both = _Phase(
            differences(p, n, alike(x, p_rail, n_rail)), together, min(together * self._length, 1)
        )
        self._alone = [
            _Phase(words_alone(chain, sign), *each)
            for chain, sign, *each in zip((p, n), (1, -1), more, chances, strict=True)
        ]
        phases = [self._both, *self._alone]
        shares = [phase.cycles / self.cycles * phase.addends.frequency for phase in phases]
        self._addends = merged(
            np.concatenate([phase.addends.values for phase in phases]), np.concatenate(shares)
        )
        variances = [chain.variance for chain in (p, n)]
        persistences = [chain.persistence for chain in (p, n)]
        # The terms that one rail has more than the other all go one way.
        mean = sum(float(chain.frequency @ chain.words) for chain in (p, n)) / 2
        strays = together * float(np.dot(variances, persistences))
        strays += imbalance(w, max_shift)[1] * mean**2
        values, frequency = self._addends
        spread = float(values**2 @ frequency - (values @ frequency) ** 2)
        self._persistence = strays / (self.cycles * spread)

    def addend_flips(self, width: int) -> float:
        def inside(addends: Addends) -> float:
            flips = addends.flips
            return float(flips.sum() + (width - len(flips)) * flips[-1])

        def rates(addends: Addends) -> np.ndarray:
            return bit_rates(addends.values, addends.frequency, width)

        return self._flips(inside, rates, rates(self._both.addends))

    def carry_flips(self, low_bits: int, width: int) -> float:
        both = self._both.addends
        flips = self._flips(
            lambda addends: addends.carry_flips(low_bits, width),
            lambda addends: step_rates(addends.values, addends.frequency, low_bits, width),
            # The first has no carry from the register, which is 0.
            bit_rates(both.values >> low_bits, both.frequency, width),
        )
        mixed = moving(*self._addends, low_bits)
        return flips * self.moves(low_bits) / (self.cycles * mixed) if mixed else 0.0

    def moves(self, low_bits: int) -> float:
        return self.cycles * self._walk(low_bits + HIGH_BITS, low_bits).moved

    def walk(self, width: int) -> tuple[float, float]:
        flips = self._walk(width)
        return self.cycles * flips.sum, self.cycles * flips.register

    def _flips(
        self,
        inside: Callable[[Addends], float],
        rates: Callable[[Addends], np.ndarray],
        first: np.ndarray,
    ) -> float:
        """Flips of a net that is 0 between sequences.

        Parameters
        ----------
        inside : flips between successive addends of a phase
        rates : how often each bit is 1 in a phase
        first : how often each bit is 1 at first, where both rails have terms
        """
        both, begins = rates(self._both.addends), self._both.chance
        # From 0 to both rails, from there to one, and from either back to 0.
        ends = begins * (first + both * (1 - sum(phase.chance for phase in self._alone)))
        for phase in self._alone:
            alone = rates(phase.addends)
            turn = begins * (both + alone - 2 * both * alone) + (1 - begins) * alone
            ends = ends + phase.chance * (turn + alone)
        flips = sum(
            (phase.cycles - phase.chance / self._length) * inside(phase.addends)
            for phase in (self._both, *self._alone)
        )
        return flips + float(ends.sum()) / self._length

    def _walk(self, width: int, split: int = 0) -> Walk:
        additions = max(round(self.cycles * self._length), 1)
        return walk(*self._addends, additions, width, self._persistence, split)
