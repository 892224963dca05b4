"""Windows of cycles in which every gate takes one unit of time, so that glitches count.

All windows run at the same time, one in each bit of a word.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pann_hw.errors import MismatchError
from sim.gates.model import Gate, GateModel
from sim.gates.zero_delay import DRIVEN_PORTS, Window

__all__ = ["MOST_WINDOWS", "UnitDelayRun", "run_unit_delay"]

MOST_WINDOWS = 64
"""Bits of a word."""

Words = npt.NDArray[np.uint64]

_ONES = np.uint64(0xFFFF_FFFF_FFFF_FFFF)


@dataclass(frozen=True, eq=False)
class UnitDelayRun:
    """Changes of nets in all windows together; clocks are left out.

    Attributes
    ----------
    settled : int64 (nets,), settled values against those of the cycle before
    changes : int64 (nets,), all, glitches included
    """

    settled: np.ndarray
    changes: np.ndarray


@dataclass(frozen=True, eq=False)
class _Group:
    # Gates of one function: nets (gates,) and (inputs, gates).
    table: int
    outputs: np.ndarray
    inputs: np.ndarray


def run_unit_delay(model: GateModel, windows: Sequence[Window]) -> UnitDelayRun:
    """Replay windows: a gate's output at time t is its function of the inputs at t - 1.

    Flip-flops and what comes from outside change at time 0 of a cycle; a cycle ends when all is
    still. Takes a second for 20,000 gates and 20 cycles, however many windows there are.

    Parameters
    ----------
    windows : 1 to `MOST_WINDOWS`, all of one length

    Raises
    ------
    MismatchError : settled changes are not those that the windows have
    """
    assert 0 < len(windows) <= MOST_WINDOWS
    (length,) = {window.length for window in windows}
    values = _words([window.state for window in windows])
    inputs = [_words([window.inputs[cycle] for window in windows]) for cycle in range(length)]
    driven = _driven(model)
    groups = _groups(model.gates)
    clocked = _Clocked(model)
    used = np.uint64((1 << len(windows)) - 1)
    settled = np.zeros(len(values), np.int64)
    changes = np.zeros(len(values), np.int64)
    for cycle in range(length):
        before = values.copy()
        clocked.edge(values)
        values[driven] = inputs[cycle]
        changes += np.bitwise_count((values ^ before) & used)
        moved = True
        while moved:
            moved = False
            found = [_value(group.table, list(values[group.inputs])) for group in groups]
            for group, new in zip(groups, found, strict=True):
                changed = (values[group.outputs] ^ new) & used
                if changed.any():
                    moved = True
                    changes[group.outputs] += np.bitwise_count(changed)
                    values[group.outputs] = new
        settled += np.bitwise_count((values ^ before) & used)
    expected = sum(window.toggles for window in windows)
    clocks = {model.netlist.clock, *(gate.output for gate in model.clock_gates)}
    differ = [net for net in np.flatnonzero(settled != expected).tolist() if net not in clocks]
    if differ:
        name = model.netlist.names.get(differ[0], differ[0])
        raise MismatchError(
            f"gates: with unit delays net {name} settles differently; {len(differ)} nets do"
        )
    return UnitDelayRun(settled, changes)


def _words(bits: Sequence[np.ndarray]) -> Words:
    """Bit w of each word is from the w-th of the arrays of 0 and 1."""
    words = np.zeros(len(bits[0]), np.uint64)
    for index, part in enumerate(bits):
        words |= part.astype(np.uint64) << np.uint64(index)
    return words


def _driven(model: GateModel) -> np.ndarray:
    """Nets of a window's inputs."""
    netlist = model.netlist
    nets = [net for port in DRIVEN_PORTS for net in netlist.inputs[port]]
    nets += [net for memory in netlist.memories for read in memory.reads for net in read.data]
    return np.array(nets, np.int64)


def _groups(gates: Sequence[Gate]) -> list[_Group]:
    found: dict[tuple[int, int], list[Gate]] = defaultdict(list)
    for gate in gates:
        found[gate.table, len(gate.inputs)].append(gate)
    return [
        _Group(
            table,
            np.array([gate.output for gate in members], np.int64),
            np.array([gate.inputs for gate in members], np.int64).reshape(len(members), -1).T,
        )
        for (table, _), members in found.items()
    ]


def _value(table: int, inputs: list[Words]) -> Words | np.uint64:
    """The function of a truth table, bit by bit: Shannon's expansion by the last input."""
    if not inputs:
        return _ONES if table & 1 else np.uint64(0)
    *rest, last = inputs
    half = 1 << len(rest)
    ones = (1 << half) - 1
    low, high = table & ones, table >> half
    if low == high:
        return _value(low, rest)
    if low == high ^ ones:
        # `last` turns the rest over.
        return last if low == 0 else ~last if low == ones else _value(low, rest) ^ last
    if low == 0:
        return _value(high, rest) & last
    if low == ones:
        return _value(high, rest) | ~last
    if high == 0:
        return _value(low, rest) & ~last
    if high == ones:
        return _value(low, rest) | last
    return (_value(low, rest) & ~last) | (_value(high, rest) & last)


class _Clocked:
    """Flip-flops at the clock's edge."""

    def __init__(self, model: GateModel) -> None:
        flops = model.flip_flops
        self._data = np.array([flop.data for flop in flops], np.int64)
        self._inverted = np.array([_ONES if flop.invert else 0 for flop in flops], np.uint64)
        self._gate = np.array([flop.gate for flop in flops], np.int64)
        self._enables = [np.array(gate.enables, np.int64) for gate in model.clock_gates]
        self._straight = self._pins([flop.output for flop in flops])
        self._inverse = self._pins([flop.inverse for flop in flops])

    @staticmethod
    def _pins(nets: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the flip-flops that have the pin, and its nets."""
        found = np.array(nets, np.int64)
        having = np.flatnonzero(found >= 0)
        return having, found[having]

    def edge(self, values: Words) -> None:
        """New values of their outputs, from all values before the edge."""
        # The last one is the clock itself, whose number is -1.
        opened = np.full(len(self._enables) + 1, _ONES, np.uint64)
        for index, nets in enumerate(self._enables):
            opened[index] = np.bitwise_or.reduce(values[nets], initial=np.uint64(0))
        clocked = opened[self._gate]
        data = values[self._data] ^ self._inverted
        for (having, nets), turned in ((self._straight, 0), (self._inverse, _ONES)):
            taken, new = clocked[having], data[having] ^ np.uint64(turned)
            values[nets] = (new & taken) | (values[nets] & ~taken)
