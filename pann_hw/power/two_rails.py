"""Expected flips of PANN's adder with two rails, from statistics of activations and weights.

The rail with fewer terms ends first and is 0 from there on: where p has D terms more than n in a
sequence, a normal variable, both run for ``(N_p + N_n - E|D|) / 2`` cycles and one for ``E|D|``
more. Flips are those inside these phases, and where they begin and end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pann_hw.power.addends import Addends, alike, differences, words_alone
from pann_hw.power.carry import Steps
from pann_hw.power.rails import HIGH_BITS, Rails, bit_rates
from pann_hw.power.staged_walk import Stage, StagedWalk, staged_walk
from pann_hw.power.statistics import WordStatistics
from pann_hw.power.term_stream import surplus

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
        both = differences(p, n, alike(x, p_rail, n_rail))
        self._both = _Phase(both, together, min(together * self._length, 1))
        self._alone = [
            _Phase(words_alone(chain, sign), *each)
            for chain, sign, *each in zip((p, n), (1, -1), more, chances, strict=True)
        ]
        variances = [chain.variance for chain in (p, n)]
        persistences = [chain.persistence for chain in (p, n)]
        mean = float(np.dot(variances, persistences) / sum(variances))
        additions = max(round(together * self._length), 1)
        self._begin = Stage(both.values, both.frequency, additions, persistence=mean)
        self._ends = [
            Stage(
                phase.addends.values,
                phase.addends.frequency,
                round(phase.cycles * self._length / phase.chance),
                phase.chance,
                persistence,
            )
            for phase, persistence in zip(self._alone, persistences, strict=True)
            if phase.chance
        ]

    def addend_flips(self, width: int) -> float:
        both, *alone = (
            bit_rates(phase.addends.values, phase.addends.frequency, width)
            for phase in self._phases
        )
        begins = self._both.chance
        # From 0 to both rails, from there to one, and from either back to 0.
        ends = begins * both * (2 - sum(phase.chance for phase in self._alone))
        for phase, rates in zip(self._alone, alone, strict=True):
            turn = begins * (both + rates - 2 * both * rates) + (1 - begins) * rates
            ends = ends + phase.chance * (turn + rates)
        total = float(ends.sum()) / self._length
        for phase in self._phases:
            flips = phase.addends.flips
            extended = flips.sum() + (width - len(flips)) * flips[-1]
            total += self._pairs(phase) * float(extended)
        return total

    def carry_flips(self, low_bits: int, width: int) -> float:
        split = max(low_bits, self._both.addends.cut)
        width -= split - low_bits
        both = self._both.addends
        first = both.values >> split, both.frequency
        steps = Steps(self._walk(split + HIGH_BITS, split), *first)
        chances = [phase.chance for phase in self._alone]
        lower = 0.0
        for phase, ending in zip(self._phases, (1 - sum(chances), *chances), strict=True):
            pairs = self._pairs(phase)
            steps.add(*phase.addends.step_pairs(split), pairs, ending)
            # Bits that the table of both rails lacks flip as the addend's do.
            lower += pairs * float(phase.addends.flips[low_bits:split].sum())
        inside = (self.cycles - 1 / self._length) * steps.inside(width)
        return lower + inside + steps.ends(width) / self._length

    def moves(self, low_bits: int) -> float:
        return self.cycles * self._walk(low_bits + HIGH_BITS, low_bits).moved

    def walk(self, width: int) -> tuple[float, float]:
        flips = self._walk(width)
        return self.cycles * flips.sum, self.cycles * flips.register

    @property
    def _phases(self) -> tuple[_Phase, ...]:
        return self._both, *self._alone

    def _pairs(self, phase: _Phase) -> float:
        """Pairs of successive additions in a phase, per weight."""
        return max(phase.cycles - phase.chance / self._length, 0)

    def _walk(self, width: int, split: int = 0) -> StagedWalk:
        return staged_walk(self._begin, self._ends, width, split)
