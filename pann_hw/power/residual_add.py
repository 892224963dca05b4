"""Power of the residual addition: a branch's activation and its shortcut's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pann_hw.power.adders import Bit, Probe, ripple_add
from pann_hw.power.expectation import flips_across
from pann_hw.power.nets import evaluate, grid
from pann_hw.power.statistics import WordStatistics
from pann_hw.power.succession import continued_pairs, continued_toggles
from pann_hw.power.unit import Flips, Operands, Stimulus, Trace, Unit, check_width

__all__ = ["ResidualAdd", "residual_sum"]

MOST_BITS = 8
"""Widest operand: the second level tabulates every net over all pairs of operands."""


@dataclass(frozen=True)
class ResidualAdd(Unit):
    """``register <- x + y`` on ``enable``, for unsigned activations. An operation is an addition.

    A ripple of full adders; its carry out is the sum's highest bit. Clamping to fewer bits is the
    requantiser's.

    Attributes
    ----------
    bits : of both operands, 2..8; sum and register have one more

    Raises
    ------
    ValueError : a width out of range
    """

    bits: int

    def __post_init__(self) -> None:
        check_width("bits", self.bits, 2, MOST_BITS)

    @property
    def name(self) -> str:
        return f"residual_add_{self.bits}"

    @property
    def operands(self) -> dict[str, tuple[int, bool]]:
        return {"x": (self.bits, False), "y": (self.bits, False)}

    @property
    def ports(self) -> dict[str, int]:
        return {"x": self.bits, "y": self.bits, "enable": 1}

    def formula(self) -> Flips:
        """Derived here, for independent uniform operands, and exact for them.

        The carry out of the k lowest bits is 1 at a rate of ``0.5 (1 - 2**-k)`` and flips at one
        of ``0.5 (1 - 4**-k)``; every other bit flips at 0.5. With b bits: ``b`` at the inputs,
        ``0.5 (b - 1) - (1 - 4**(1 - b)) / 6`` in the carries, ``0.5 (b + 1 - 4**-b)`` in the sum
        and as many in the register.
        """
        b = self.bits
        total = 0.5 * (b + 1 - 4.0**-b)
        carries = 0.5 * (b - 1) - (1 - 4.0 ** (1 - b)) / 6
        return {"inputs": float(b), "internal": carries, "sum": total, "register": total}

    def predict(self, statistics: Mapping[str, WordStatistics]) -> Flips:
        """Inputs: rates of their bits. Inside: see :mod:`pann_hw.power.expectation`. The register
        takes every sum, and flips as it does.

        That branch and shortcut are of one image is left out: too few or too many flips of the
        carries make up for most of what it changes in the sum.
        """
        x, y = statistics["x"], statistics["y"]
        nets, _ = self._evaluate(*grid(x.values, y.values))
        table = np.stack(list(nets.values()), -1)
        rates = flips_across(table, table, continued_pairs(x), continued_pairs(y))
        flips: Flips = {"inputs": float(continued_toggles(x).sum() + continued_toggles(y).sum())}
        for net, rate in zip(nets, rates.tolist(), strict=True):
            flips[self._class(net)] = flips.get(self._class(net), 0) + rate
        return {**flips, "register": flips["sum"]}

    def operations(self, operands: Operands) -> int:
        return int(operands["x"].size)

    def stimulus(self, operands: Operands) -> dict[str, np.ndarray]:
        """An addition a cycle, sequence after sequence."""
        ports = {port: np.append(operands[port].ravel(), 0) for port in ("x", "y")}
        return {**ports, "enable": np.append(np.ones(operands["x"].size, np.int64), 0)}

    def trace(self, stimulus: Stimulus) -> Trace:
        nets, total = self._evaluate(stimulus["x"], stimulus["y"])
        trace: Trace = {port: ("inputs", self.bits, stimulus[port]) for port in ("x", "y")}
        trace |= {net: (self._class(net), 1, value) for net, value in nets.items()}
        # Each cycle shows the sum of the latest one before it that was enabled, or 0.
        enabled = np.flatnonzero(stimulus["enable"])
        count = np.searchsorted(enabled, np.arange(len(total)))
        register = np.append(0, total[enabled])[count]
        return trace | {"register": ("register", self.bits + 1, register)}

    def _evaluate(self, x: np.ndarray, y: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
        return evaluate(residual_sum, (x, self.bits), (y, self.bits))

    def _class(self, net: str) -> str:
        carry_out = net == f"carry_add_{self.bits - 1}"
        return "sum" if net.startswith("sum_") or carry_out else "internal"


def residual_sum(x: Sequence[Bit], y: Sequence[Bit], probe: Probe) -> list[Bit]:
    """The adder: ``sum_add_POSITION`` and ``carry_add_POSITION`` are its nets."""
    return ripple_add(x, y, "add", probe)
