"""Expected flips of PANN's adder, from statistics of activations and weights; with one rail.

The rails' words are chains (:mod:`pann_hw.power.term_chain`), the sums random walks
(:mod:`pann_hw.power.staged_walk`). All flips are per weight. The adder with two rails is in
:mod:`pann_hw.power.two_rails`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from pann_hw.power.carry import Steps, step_pairs
from pann_hw.power.staged_walk import Stage, StagedWalk, staged_walk
from pann_hw.power.statistics import WordStatistics
from pann_hw.power.term_chain import TermChain, term_chain
from pann_hw.power.term_stream import RailStatistics, rail_statistics

__all__ = ["HIGH_BITS", "OneRail", "Rails", "bit_rates"]

HIGH_BITS = 16
"""Upper bits that a sum may need, for how often they change."""


class Rails(ABC):
    """What drives an adder: its terms of both signs, as chains.

    Parameters
    ----------
    x : statistics of the unsigned activations
    w : of the integer weights
    max_shift : largest shift of a term, 0 for unary terms

    Members
    -------
    cycles : with an addition, per weight
    """

    shifted_apart: bool
    """Whether the shifter's output and the addend are two nets."""

    def __init__(self, x: WordStatistics, w: WordStatistics, max_shift: int) -> None:
        self._length = x.length
        self._signs: list[tuple[RailStatistics, TermChain]] = []
        for sign in (1, -1):
            rail = rail_statistics(w, sign, max_shift)
            if rail.used:
                self._signs.append((rail, term_chain(x, rail)))
        self.cycles = sum(rail.terms for rail, _ in self._signs)

    def operand_flips(self) -> float:
        """Flips of the activations on the rails, before they are shifted."""
        return sum(self._word_flips(rail, chain, chain.operands) for rail, chain in self._signs)

    def shifter_flips(self, max_shift: int) -> float:
        """Flips of the shifters' stages; see the adder's trace."""
        total = 0.0
        for rail, chain in self._signs:
            word = chain.operands
            stages = max_shift.bit_length()
            for stage in range(stages):
                word = word << ((chain.shifts >> stage & 1) << stage)
                if stage + 1 < stages or self.shifted_apart:
                    total += self._word_flips(rail, chain, word)
        return total

    @abstractmethod
    def addend_flips(self, width: int) -> float:
        """Flips of the addend, extended to ``width`` bits."""

    @abstractmethod
    def carry_flips(self, low_bits: int, width: int) -> float:
        """Flips of the step that goes to the upper ``width`` bits."""

    @abstractmethod
    def moves(self, low_bits: int) -> float:
        """Additions that change the upper bits of the register."""

    @abstractmethod
    def walk(self, width: int) -> tuple[float, float]:
        """Flips of sum and register."""

    def _word_flips(self, rail: RailStatistics, chain: TermChain, word: np.ndarray) -> float:
        return self._of_rail(rail, *chain.flips(word))

    def _of_rail(self, rail: RailStatistics, inside: float, ends: float) -> float:
        """Per weight, from flips between two terms and at both ends of a sequence that has any."""
        sequences = rail.present(self._length) / self._length
        return (rail.terms - sequences) * inside + sequences * ends


class OneRail(Rails):
    """Positive and negative terms in sequences of their own, both added."""

    shifted_apart = False

    def addend_flips(self, width: int) -> float:
        return sum(self._word_flips(rail, chain, chain.words) for rail, chain in self._signs)

    def carry_flips(self, low_bits: int, width: int) -> float:
        total = 0.0
        for rail, chain in self._signs:
            steps = Steps(
                self._walk(rail, chain, low_bits + HIGH_BITS, low_bits),
                chain.words >> low_bits,
                chain.first,
            )
            steps.add(*step_pairs(chain.words, chain.joint, low_bits), 1.0, 1.0)
            total += self._of_rail(rail, steps.inside(width), steps.ends(width))
        return total

    def moves(self, low_bits: int) -> float:
        width = low_bits + HIGH_BITS
        return sum(
            rail.terms * self._walk(rail, chain, width, low_bits).moved
            for rail, chain in self._signs
        )

    def walk(self, width: int) -> tuple[float, float]:
        total = register = 0.0
        for rail, chain in self._signs:
            flips = self._walk(rail, chain, width)
            total += rail.terms * flips.sum
            register += rail.terms * flips.register
        return total, register

    def _walk(
        self, rail: RailStatistics, chain: TermChain, width: int, split: int = 0
    ) -> StagedWalk:
        additions = max(round(rail.terms * self._length), 1)
        return staged_walk(Stage(*chain.distribution, additions), [], width, split)


def bit_rates(values: np.ndarray, shares: np.ndarray, width: int) -> np.ndarray:
    """How often each of the lowest ``width`` bits is 1."""
    rates: np.ndarray = shares @ (values[:, None] >> np.arange(width) & 1)
    return rates
