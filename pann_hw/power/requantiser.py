"""Power of the requantiser: an accumulator becomes an activation by a few shift-adds."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

from pann_hw.integer.requantise import MAX_SHIFT, Scale
from pann_hw.power.multiples import clamped_flips, multiple_flips
from pann_hw.power.nets import as_signed, unsigned
from pann_hw.power.statistics import WordStatistics
from pann_hw.power.succession import Succession, continued_toggles
from pann_hw.power.unit import Flips, Operands, Stimulus, Trace, Unit, check_width

__all__ = ["SHIFT_BITS", "Requantiser"]

MOST_BITS = 60
"""Widest accumulator: its register has 3 bits more."""

SHIFT_BITS = MAX_SHIFT.bit_length()
"""Bits of a step's shift, and stages of the shifter."""

_LEAST_FACTOR = 2.0**-24  # of Scale.nearest


@dataclass(frozen=True)
class Requantiser(Unit):
    """``r <- floor((r + d * a) / 2**shift)`` a step; then ``clamp(floor((r + 1) / 2), 0, q_max)``.

    A lane of the accelerator's requantiser, see :mod:`pann_hw.integer.requantise`. An operation is
    an accumulator; it stands at its port while its steps last, one a cycle, and the next one's
    follow at once.

    Nets: ``kept``, the register or 0 in a first step; ``addend``, ``a``, its complement or 0;
    ``total``; ``shifted_0`` .. ``shifted_3``, the shifter's stages; ``register``; ``rounded`` and
    ``value``, which follow the register in every cycle.

    Attributes
    ----------
    bits : of the activation, whose q_max is ``2**bits - 1``, 2..8
    width : of the signed accumulator, bits + 1..60
    steps : (digit, shift) pairs, as of :class:`pann_hw.integer.requantise.Scale`

    Raises
    ------
    ValueError : a width out of range, an accumulator too narrow for the activation, bad steps
    """

    bits: int
    width: int
    steps: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        check_width("bits", self.bits, 2, 8)
        check_width("width", self.width, 2, MOST_BITS)
        if self.width <= self.bits:
            raise ValueError(
                f"width = {self.width}: too narrow for activations of {self.bits} bits, must be "
                f"{self.bits + 1}..{MOST_BITS}"
            )
        Scale(self.steps)

    @classmethod
    def typical(cls, bits: int, width: int, peak: int | None = None) -> Requantiser:
        """With steps as real layers have them: the nearest scale of two digits to q_max / peak.

        Parameters
        ----------
        bits, width : as of the class
        peak : accumulator that becomes q_max; None takes ``36 * 2**bits``, three standard
            deviations of a sum of 144 products (3 x 3 windows of 16 channels) with weights of
            mean magnitude 2 and activations of 0.4 q_max, root mean square; of a narrow
            accumulator its largest

        Raises
        ------
        ValueError : as of the class, or a peak outside 1..2**(width - 1)
        """
        check_width("bits", bits, 2, 8)
        check_width("width", width, 2, MOST_BITS)
        largest = 2 ** (width - 1)
        peak = min(36 * 2**bits, largest) if peak is None else peak
        check_width("peak", peak, 1, largest)
        return cls(bits, width, Scale.nearest(max((2**bits - 1) / peak, _LEAST_FACTOR)).steps)

    @property
    def name(self) -> str:
        steps = "".join(f"{'zpn'[digit]}{shift}" for digit, shift in self.steps)
        return f"requantiser_{self.width}_to_{self.bits}_{steps}"

    @property
    def state_width(self) -> int:
        """Bits of the register: two of headroom hold four steps of |a|, one more the sign."""
        return self.width + 3

    @property
    def operands(self) -> dict[str, tuple[int, bool]]:
        return {"a": (self.width, True)}

    @property
    def ports(self) -> dict[str, int]:
        return {
            "a": self.width,
            "first": 1,
            "add": 1,
            "subtract": 1,
            "shift": SHIFT_BITS,
            "enable": 1,
        }

    def formula(self) -> Flips:
        """For accumulators uniform over their whole range, see :mod:`pann_hw.power.multiples`.

        About ``0.5 (width + 3)`` a net and accumulator for each step in which it gets a new word.
        """
        words = _words(self.steps, Fraction(1), operator.neg, lambda word, n: word / 2**n)
        words["rounded"] = [factor / 2 for factor in words["register"]]
        flips: Flips = {"inputs": 0.5 * self.width}
        for net, factors in words.items():
            net_class = self._nets[net][0]
            total = multiple_flips(factors, self.width, self.state_width)
            flips[net_class] = flips.get(net_class, 0) + total
        flips["internal"] += clamped_flips(words["rounded"], self.width, self.bits)
        return flips

    def predict(self, statistics: Mapping[str, WordStatistics]) -> Flips:
        """Within an accumulator's steps every net is a function of it; from one accumulator to the
        next, see :mod:`pann_hw.power.succession`."""
        a = statistics["a"]
        succession = Succession(a)
        flips: Flips = {"inputs": float(continued_toggles(a).sum())}
        words = _words(self.steps, a.values, operator.invert, operator.rshift)
        words["rounded"] = [(register + 1) >> 1 for register in words["register"]]
        words["value"] = [self._clamped(rounded) for rounded in words["rounded"]]
        for net, (net_class, width) in self._nets.items():
            states = [unsigned(word, width) for word in words[net]]
            total = succession.flips(states[-1], states[0], width)
            for before, after in pairwise(states):
                total += float(a.frequency @ np.bitwise_count(before ^ after))
            flips[net_class] = flips.get(net_class, 0) + total
        return flips

    def operations(self, operands: Operands) -> int:
        return int(operands["a"].size)

    def stimulus(self, operands: Operands) -> dict[str, np.ndarray]:
        """All steps of one accumulator after another."""
        a = unsigned(operands["a"].ravel(), self.width)
        digits, shifts = np.array(self.steps).T
        first = np.arange(len(shifts)) == 0
        steps = {
            "first": first,
            "add": digits == 1,
            "subtract": digits == -1,
            "shift": shifts,
            "enable": np.ones_like(shifts),
        }
        ports = {"a": np.repeat(a, len(shifts))}
        ports |= {name: np.tile(word.astype(np.int64), len(a)) for name, word in steps.items()}
        return {name: np.append(word, 0) for name, word in ports.items()}

    def trace(self, stimulus: Stimulus) -> Trace:
        a = as_signed(stimulus["a"], self.width)
        add, subtract = stimulus["add"].astype(bool), stimulus["subtract"].astype(bool)
        addend = np.where(add, a, np.where(subtract, ~a, 0))
        register = self._register(addend, stimulus)
        kept = np.where(stimulus["first"].astype(bool), 0, register)
        words = {"kept": kept, "addend": addend, "total": kept + addend + subtract}
        shifted = words["total"]
        for stage in range(SHIFT_BITS):
            shifted = shifted >> ((stimulus["shift"] >> stage & 1) << stage)
            words[f"shifted_{stage}"] = shifted
        rounded = (register + 1) >> 1
        words |= {"register": register, "rounded": rounded, "value": self._clamped(rounded)}
        trace: Trace = {"a": ("inputs", self.width, stimulus["a"])}
        return trace | {
            net: (net_class, width, unsigned(words[net], width))
            for net, (net_class, width) in self._nets.items()
        }

    @property
    def _nets(self) -> dict[str, tuple[str, int]]:
        """Class and width of every net but the input."""
        classes = {"kept": "internal", "addend": "accumulator_input", "total": "sum"}
        classes |= {f"shifted_{stage}": "internal" for stage in range(SHIFT_BITS)}
        classes |= {"register": "register", "rounded": "internal"}
        nets = {net: (net_class, self.state_width) for net, net_class in classes.items()}
        return {**nets, "value": ("internal", self.bits)}

    def _register(self, addend: np.ndarray, stimulus: Stimulus) -> np.ndarray:
        """The register in each cycle: cycles of equal distance from a first step at a time."""
        first, subtract = stimulus["first"], stimulus["subtract"]
        cycles = len(addend)
        begins = np.union1d(0, np.flatnonzero(first & stimulus["enable"]))
        ends = np.append(begins[1:], cycles - 1)
        register = np.zeros(cycles, np.int64)
        for distance in range(int((ends - begins).max())):
            now = begins[begins + distance < ends] + distance
            kept = np.where(first[now], 0, register[now])
            following = (kept + addend[now] + subtract[now]) >> stimulus["shift"][now]
            register[now + 1] = np.where(stimulus["enable"][now], following, register[now])
        return register

    def _clamped(self, rounded: np.ndarray) -> np.ndarray:
        value: np.ndarray = rounded.clip(0, 2**self.bits - 1)
        return value


def _words(
    steps: tuple[tuple[int, int], ...],
    a: Any,
    inverted: Callable[[Any], Any],
    shifted: Callable[[Any, int], Any],
) -> dict[str, list[Any]]:
    """What each net is in each step of an accumulator, ``register`` after the step.

    ``a`` are accumulators, or 1 for the factor by which a net is a multiple of one.
    """
    names = ["kept", "addend", "total", *(f"shifted_{n}" for n in range(SHIFT_BITS)), "register"]
    words: dict[str, list[Any]] = {name: [] for name in names}
    register = 0 * a
    for digit, shift in steps:
        total = register + digit * a
        stages = [shifted(total, shift & (2 << n) - 1) for n in range(SHIFT_BITS)]
        addend = inverted(a) if digit < 0 else digit * a
        for name, word in zip(names, [register, addend, total, *stages, stages[-1]], strict=True):
            words[name].append(word)
        register = stages[-1]
    return words
