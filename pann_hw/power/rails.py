"""Expected flips of PANN's adder with one rail or two, from statistics of activations and weights.

The rails' words are chains (:mod:`pann_hw.power.term_chain`), the sums random walks
(:mod:`pann_hw.power.walk`). With two rails, the shorter one ends first and is 0 from there on: with
``D = sum_k (p_k - n_k)`` the difference of their terms over a sequence, a normal variable, both
run for ``(N_p + N_n - E|D|) / 2`` cycles and one for ``E|D|`` more. All flips are per weight.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np

from pann_hw.integer.terms import encode
from pann_hw.power.statistics import WordStatistics
from pann_hw.power.term_chain import (
    TermChain,
    carry_flips,
    difference,
    fitted,
    pair_flips,
    term_chain,
)
from pann_hw.power.term_stream import RailStatistics, rail_statistics
from pann_hw.power.walk import Walk, moving, walk

__all__ = ["OneRail", "Rails", "TwoRails"]

_HIGH_BITS = 16
"""Upper bits that a sum may need, for how often they change."""


class Rails(ABC):
    """What drives an adder: its terms of both signs, as chains.

    Parameters
    ----------
    x : statistics of the unsigned activations
    w : of the integer weights
    max_shift : largest shift of a term, 0 for unary terms
    """

    def __init__(self, x: WordStatistics, w: WordStatistics, max_shift: int) -> None:
        self._length = x.length
        self._signs: list[tuple[RailStatistics, TermChain]] = []
        for sign in (1, -1):
            rail = rail_statistics(w, sign, max_shift)
            if rail.used:
                self._signs.append((rail, term_chain(x, rail)))
        #: Cycles with an addition, per weight.
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
                if stage + 1 < stages or isinstance(self, TwoRails):
                    total += self._word_flips(rail, chain, word)
        return total

    @property
    @abstractmethod
    def addends(self) -> tuple[np.ndarray, np.ndarray]:
        """Distribution of the addend: values and their probabilities."""

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
        inside, ends = chain.flips(word)
        return self._sequence(rail, inside, ends)

    def _sequence(self, rail: RailStatistics, inside: float, ends: float) -> float:
        """Per weight, from flips between two terms and at both ends of a sequence that has any."""
        present = 1 - (1 - rail.used) ** self._length
        return rail.terms * inside + (ends - inside) * present / self._length


class OneRail(Rails):
    """Positive and negative terms in sequences of their own, both added."""

    @property
    def addends(self) -> tuple[np.ndarray, np.ndarray]:
        words = np.concatenate([chain.words for _, chain in self._signs])
        shares = [rail.terms / self.cycles * chain.frequency for rail, chain in self._signs]
        return _merged(words, np.concatenate(shares))

    def addend_flips(self, width: int) -> float:
        return sum(self._word_flips(rail, chain, chain.words) for rail, chain in self._signs)

    def carry_flips(self, low_bits: int, width: int) -> float:
        total = 0.0
        for (rail, chain), moved in zip(self._signs, self._moved(low_bits), strict=True):
            mixed = moving(chain.words, chain.frequency, low_bits)
            flips = carry_flips(chain.words, chain.joint, low_bits, width)
            total += rail.terms * flips * (moved / mixed if mixed else 0)
        return total

    def moves(self, low_bits: int) -> float:
        moved = self._moved(low_bits)
        return sum(rail.terms * share for (rail, _), share in zip(self._signs, moved, strict=True))

    def walk(self, width: int) -> tuple[float, float]:
        total = register = 0.0
        for rail, chain in self._signs:
            flips = self._walk(rail, chain, width)
            total += rail.terms * flips.sum
            register += rail.terms * flips.register
        return total, register

    def _moved(self, low_bits: int) -> list[float]:
        width = low_bits + _HIGH_BITS
        return [self._walk(rail, chain, width, low_bits).moved for rail, chain in self._signs]

    def _walk(self, rail: RailStatistics, chain: TermChain, width: int, split: int = 0) -> Walk:
        additions = max(round(rail.terms * self._length), 1)
        return walk(*_merged(chain.words, chain.frequency), additions, width, split=split)


class TwoRails(Rails):
    """``p - n``, both at their own pace, but near each other in the same sequence.

    Raises
    ------
    ValueError : weights of one sign only
    """

    def __init__(self, x: WordStatistics, w: WordStatistics, max_shift: int) -> None:
        super().__init__(x, w, max_shift)
        if len(self._signs) < 2:
            low, high = w.values[0], w.values[-1]
            raise ValueError(f"weights are {low}..{high}: two rails need both signs")
        (p_rail, p), (n_rail, n) = self._signs
        surplus = _surplus(w, max_shift, self._length)
        both = max(p_rail.terms + n_rail.terms - sum(surplus), 0) / 2
        self.cycles = both + sum(surplus)
        lowest, joint = difference(p, n)
        size = len(joint)
        joint = both / self.cycles * fitted(joint, _alike(x, p_rail, n_rail, lowest, size))
        for chain, sign, share in ((p, 1, surplus[0]), (n, -1, surplus[1])):
            words = sign * chain.words - lowest
            index = words[:, None] * size + words
            alone = np.bincount(index.ravel(), chain.joint.ravel(), size * size)
            joint += share / self.cycles * alone.reshape(size, size)
        self._joint = joint
        self._values = np.arange(lowest, lowest + size)
        variances = [
            float(chain.frequency @ chain.words**2 - (chain.frequency @ chain.words) ** 2)
            for chain in (p, n)
        ]
        persistences = [p.persistence, n.persistence]
        self._persistence = float(np.dot(variances, persistences) / sum(variances))

    @property
    def addends(self) -> tuple[np.ndarray, np.ndarray]:
        return self._values, self._joint.sum(1)

    def addend_flips(self, width: int) -> float:
        words = self._values & ((1 << width) - 1)
        # Between sequences the addend goes through 0.
        ends = 2 * float(self._joint.sum(1) @ np.bitwise_count(words))
        inside = pair_flips(words, self._joint)
        return self.cycles * inside + (ends - inside) / self._length

    def carry_flips(self, low_bits: int, width: int) -> float:
        mixed = moving(*self.addends, low_bits)
        flips = carry_flips(self._values, self._joint, low_bits, width)
        return flips * (self.moves(low_bits) / mixed if mixed else 0)

    def moves(self, low_bits: int) -> float:
        return self.cycles * self._walk(low_bits + _HIGH_BITS, low_bits).moved

    def walk(self, width: int) -> tuple[float, float]:
        flips = self._walk(width)
        return self.cycles * flips.sum, self.cycles * flips.register

    def _walk(self, width: int, split: int = 0) -> Walk:
        additions = max(round(self.cycles * self._length), 1)
        return walk(*self.addends, additions, width, self._persistence, split)


def _alike(
    x: WordStatistics, p: RailStatistics, n: RailStatistics, lowest: int, size: int
) -> np.ndarray:
    """Distribution of ``(x << s) - (y << t)`` where x and y are a few places apart."""
    near = x.apart.mean(0)
    near = (near + near.T) / 2
    p_shares, n_shares = p.shifts / p.terms, n.shifts / n.terms
    total = np.zeros(size)
    for s, p_share in enumerate(p_shares):
        for t, n_share in enumerate(n_shares):
            index = (x.values[:, None] << s) - (x.values << t) - lowest
            total += np.bincount(index.ravel(), (p_share * n_share * near).ravel(), size)
    return total


def _merged(words: np.ndarray, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    values, index = np.unique(words, return_inverse=True)
    return values, np.bincount(index, shares)


def _surplus(w: WordStatistics, max_shift: int, length: int) -> tuple[float, float]:
    """How many more terms the first rail has than the second, and the reverse, per weight.

    ``E[max(D, 0)] = s phi(m / s) + m Phi(m / s)`` for a normal D of mean m and deviation s.
    """
    difference = np.array(
        [sum(digit for digit, _ in encode(int(value), max_shift)) for value in w.values]
    )
    mean = float(difference @ w.frequency)
    deviation = math.sqrt(float((difference - mean) ** 2 @ w.frequency) / length) or 1e-12
    ratio = mean / deviation
    density = math.exp(-(ratio**2) / 2) / math.sqrt(2 * math.pi)
    positive = deviation * density + mean * (1 + math.erf(ratio / math.sqrt(2))) / 2
    return positive, positive - mean
