"""Power of max pooling: a running maximum, an activation a cycle.

Every net is a function of the maximum so far, m, and the activation x that is compared with it; so
flips follow from how often each pair (m, x) is followed by each other. After it m is
``max(m, x)``, and the next activation x'

- is a new maximum as often, and as large, as what follows m is above m;
- else follows x, as activations follow one another, among the words up to m.

The distribution of (m, x) is carried through a window by this rule. It is exact for independent
activations. Neighbours in an image resemble all of those before them: what follows m keeps that, a
chain of the activations alone would forget all but the last. That a new maximum is as probable
after every x is the rule's limit: where a window is a random walk, which rises above its maximum
from nearby only, the total is too high by 2 % at 4 activations, 6 % at 16 and 14 % at 64.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pann_hw.power import formulas
from pann_hw.power.adders import Bit, Probe
from pann_hw.power.nets import word_bits
from pann_hw.power.statistics import WordStatistics
from pann_hw.power.unit import Flips, Operands, Stimulus, Trace, Unit, check_width
from pann_hw.power.windows import check_windows, follow, pair_statistics

__all__ = ["MaxPool", "compare"]

MOST_BITS = 8
"""Widest activation: the second level tabulates every net over all pairs of words."""


@dataclass(frozen=True)
class MaxPool(Unit):
    """``register <- max(register, x)`` on ``enable``, x itself where also ``first``.

    An operation is an activation. Windows follow each other without a cycle in between: the
    register shows a window's maximum while the next window's first activation arrives.

    Attributes
    ----------
    bits : width of the unsigned activations, 2..8
    size : activations of a window, 2..64, such as 4 for 2 x 2

    Raises
    ------
    ValueError : a width or size out of range
    """

    bits: int
    size: int

    def __post_init__(self) -> None:
        check_width("bits", self.bits, 2, MOST_BITS)
        check_width("size", self.size, 2, 64)

    @property
    def name(self) -> str:
        return f"max_pool_{self.bits}_of_{self.size}"

    @property
    def operands(self) -> dict[str, tuple[int, bool]]:
        return {"x": (self.bits, False)}

    @property
    def ports(self) -> dict[str, int]:
        return {"x": self.bits, "first": 1, "enable": 1}

    def formula(self) -> Flips:
        """``0.5 b`` at the input, ``b / 3 + 2 (H - 1) / n`` inside, ``0.5 b H / n`` each in what
        enters the register and in the register; ``H = 1 + 1/2 + .. + 1/n``, n = size.

        Not of the paper, which has no pooling. The k-th of n independent activations is a new
        maximum with probability 1/k, whatever came before; for wide words, without ties, that
        gives the flips of ``take`` exactly. Two things are rough: a new maximum is taken to flip
        half of the bits, though it is near the old one; and each bit of the comparator to compare
        fresh uniform bits with a maximum of uniform bits that stays, ``E[2 p (1 - p)] = 1/3`` for
        a uniform p, though the highest bits seldom see a new maximum.
        """
        harmonic = sum(1 / k for k in range(1, self.size + 1))
        word = formulas.register_word(self.bits)
        changed = word * harmonic / self.size
        inside = self.bits / 3 + 2 * (harmonic - 1) / self.size
        return {"inputs": word, "internal": inside, "sum": changed, "register": changed}

    def measure(self, operands: Operands) -> dict[str, WordStatistics]:
        """Statistics of "x", and of which activation follows which word, as sequences of two:
        "across", the last of the window before; "maximum", the largest so far of its own window;
        "maximum_across", the largest of the window before.

        Raises
        ------
        ValueError : words of another shape than (windows, size), out of range or constant
        """
        statistics = super().measure(operands)
        x = operands["x"]
        check_windows(x, self.size)
        maximum = np.maximum.accumulate(x, 1)
        return statistics | pair_statistics(
            self.bits,
            across=(x[:-1, -1], x[1:, 0]),
            maximum=(maximum[:, :-1], x[:, 1:]),
            maximum_across=(maximum[:-1, -1], x[1:, 0]),
        )

    def predict(self, statistics: Mapping[str, WordStatistics]) -> Flips:
        """Input: rates of its bits. All else: see :mod:`pann_hw.power.max_pool`.

        Where statistics but those of "x" are missing, maxima are taken to tell nothing of what
        follows them, and the input not to flip between windows.
        """
        x = statistics["x"]
        values, places = x.values, np.arange(len(x.values))
        largest, column = np.maximum(places[:, None], places), places[None, :]
        begins = follow(statistics.get("maximum_across"), values, x.first)
        chain = _Chain(
            follow(x, values, x.frequency),
            follow(statistics.get("maximum"), values, x.frequency),
        )
        # How often (maximum, activation) is each pair of words, in cycles of a window: the second,
        # all from the second to the last but one, the last, and the next window's first.
        second = state = chain.after(np.diag(x.first))
        middle = np.zeros_like(state)
        for _ in range(self.size - 2):
            middle += state
            state = chain.after(_joined(state))
        first = _joined(state).sum(1, keepdims=True) * begins

        nets = self._comparator(values[None, :], values[:, None]).astype(np.float64)
        wins = nets[-1]
        within = chain.expected(nets)
        across = (begins * nets).sum(-1, keepdims=True)
        take = _differ(middle, wins, within[-1][largest, column]).sum()
        internal = (
            (
                _differ(first, nets, within[:, column, column])
                + _differ(middle, nets, within[:, largest, column])
                + _differ(state, nets, across[:, largest, 0])
            ).sum()
            + take
            + ((second + state) * (1 - wins)).sum()
        )
        changed = np.bitwise_count(values[:, None] ^ values)
        selected = ((middle + state) * wins + first) * changed
        inputs = (self.size - 1) * x.toggles.sum()
        if "across" in statistics:
            inputs += statistics["across"].toggles.sum()
        flips = {"inputs": inputs, "internal": internal, "sum": selected.sum()}
        flips["register"] = flips["sum"]
        return {name: float(count) / self.size for name, count in flips.items()}

    def operations(self, operands: Operands) -> int:
        return int(operands["x"].size)

    def stimulus(self, operands: Operands) -> dict[str, np.ndarray]:
        """An activation a cycle, window after window."""
        x = operands["x"]
        check_windows(x, self.size)
        first = np.zeros_like(x)
        first[:, 0] = 1
        words = {"x": x, "first": first, "enable": np.ones_like(x)}
        return {port: np.append(values.ravel(), 0) for port, values in words.items()}

    def trace(self, stimulus: Stimulus) -> Trace:
        x, first, enable = (stimulus[port].astype(np.int64) for port in self.ports)
        # A window's number stands above the bits of its activations, so that none outlives it.
        window = np.cumsum(first & enable) << self.bits
        latest = np.maximum.accumulate(window + x * enable) & ((1 << self.bits) - 1)
        register = np.append(0, latest[:-1])
        nets = self._comparator(x, register)
        take = first.astype(bool) | nets[-1]
        return {
            "x": ("inputs", self.bits, x),
            **{f"greater_{bit}": ("internal", 1, net) for bit, net in enumerate(nets)},
            "take": ("internal", 1, take),
            "selected": ("sum", self.bits, np.where(take, x, register)),
            "register": ("register", self.bits, register),
        }

    def _comparator(self, x: np.ndarray, maximum: np.ndarray) -> np.ndarray:
        """Nets of the comparator, lowest first, bool (bits, ..) for words of shapes that broadcast;
        the last is ``x > maximum``."""
        nets: list[np.ndarray] = []

        def probe(_: str, value: Bit) -> Bit:
            nets.append(value)
            return value

        compare(word_bits(x, self.bits), word_bits(maximum, self.bits), probe)
        return np.stack(nets)


def compare(x: Sequence[Bit], y: Sequence[Bit], probe: Probe) -> Bit:
    """``x > y``, by a chain from the lowest bit up: ``greater_i`` is that of bits 0 to i."""
    greater: Bit = None
    for position, (a, b) in enumerate(zip(x, y, strict=True)):
        above = a & ~b
        if position:
            above = above | greater & ~(a ^ b)
        greater = probe(f"greater_{position}", above)
    return greater


class _Chain:
    """What follows a maximum m and the activation x that it already contains.

    Parameters
    ----------
    follows : float64 (x, x'), probability of an activation after another
    rises : float64 (m, x'), probability of an activation after a maximum; what is not above it
        counts only in all
    """

    def __init__(self, follows: np.ndarray, rises: np.ndarray) -> None:
        self._follows = follows
        self._below = np.tri(len(follows))
        self._rises = rises * (1 - self._below)
        stays = (rises * self._below).sum(1, keepdims=True)
        self._stays = stays / np.maximum(self._below @ follows.T, np.finfo(float).tiny)

    def after(self, state: np.ndarray) -> np.ndarray:
        """Distribution of (m, x'), from that of (m, x)."""
        below = self._below * ((state * self._stays) @ self._follows)
        pairs: np.ndarray = state.sum(1, keepdims=True) * self._rises + below
        return pairs

    def expected(self, nets: np.ndarray) -> np.ndarray:
        """Nets (.., m, x') in the next cycle, as expected of (m, x)."""
        below = self._stays * ((self._below * nets) @ self._follows.T)
        rates: np.ndarray = (self._rises * nets).sum(-1, keepdims=True) + below
        return rates


def _joined(state: np.ndarray) -> np.ndarray:
    """Distribution of (max(m, x), x), from that of (m, x)."""
    joined = np.tril(state, -1)
    np.fill_diagonal(joined, np.triu(state).sum(0))
    return joined


def _differ(state: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Flips of nets (.., m, x), where ``after`` is how often they are 1 in the next cycle."""
    flips: np.ndarray = (state * (before + after - 2 * before * after)).sum((-2, -1))
    return flips
