"""Full adders and what is built of them, written once for software and hardware.

Everything here works on bits that know ``&``, ``|``, ``^`` and ``~``: NumPy arrays of bool, where
it computes, and Amaranth values, where it builds a circuit. Every net passes through a ``probe``,
which the caller chooses: to keep the value, or to give it a named signal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["Bit", "Probe", "add_rows", "full_adder", "ripple_add"]

Bit = Any
"""A NumPy array of bool, an Amaranth value of one bit, or the int 1, a net tied to 1."""

Probe = Callable[[str, Bit], Bit]
"""Takes a net's name and its value, gives what stands for the net from there on."""


def full_adder(bits: Sequence[Bit], name: str, probe: Probe) -> tuple[Bit, Bit]:
    """Sum and carry of up to three bits; None stands for a bit that is always 0.

    ``sum = a ^ b ^ c``, ``carry = a & b | c & (a ^ b)``. With fewer bits, or one of them tied to 1,
    it is what synthesis leaves of a full adder: a half adder, an inverter, a wire. Nets are called
    ``sum_NAME`` and ``carry_NAME``.
    """
    ties = sum(1 for bit in bits if isinstance(bit, int))
    a, *others = [bit for bit in bits if not isinstance(bit, int)] or [None]
    if ties > 1:
        raise ValueError(f"adder {name}: {ties} tied bits, must be at most 1")
    if a is None:
        return (1 if ties else None), None
    if not others:
        return (probe(f"sum_{name}", ~a), a) if ties else (a, None)
    half = a ^ others[0]
    if ties:
        return probe(f"sum_{name}", ~half), probe(f"carry_{name}", a | others[0])
    if len(others) == 1:
        return probe(f"sum_{name}", half), probe(f"carry_{name}", a & others[0])
    return (
        probe(f"sum_{name}", half ^ others[1]),
        probe(f"carry_{name}", a & others[0] | others[1] & half),
    )


def add_rows(rows: Sequence[Mapping[int, Bit]], width: int, probe: Probe) -> list[Bit]:
    """Sum of rows of bits modulo ``2**width``: carry-save rows, then one ripple of carries.

    Each row is added to the sums and carries of those before it by a row of full adders; only
    after the last do carries ripple. That is the array multiplier's structure.

    Parameters
    ----------
    rows : position -> bit; ``sum over rows and positions of bit * 2**position`` is the result
    width : bits of the result
    probe : gets every sum and carry, as ``sum_ROW_POSITION`` and ``carry_ROW_POSITION``; the
        ripple's row is called ``m``

    Returns
    -------
    list : the result's bits, lowest first; None where a bit is always 0
    """
    sums: dict[int, Bit] = dict(rows[0])
    carries: dict[int, Bit] = {}
    for index, row in enumerate(rows[1:], 1):
        following: dict[int, Bit] = {}
        for position in range(width):
            bits = [part[position] for part in (sums, carries, row) if position in part]
            total, carry = full_adder(bits, f"{index}_{position}", probe)
            if total is not None:
                sums[position] = total
            if carry is not None and position + 1 < width:
                following[position + 1] = carry
        carries = following
    result: list[Bit] = []
    carry = None
    for position in range(width):
        bits = [part[position] for part in (sums, carries) if position in part]
        bits += [] if carry is None else [carry]
        total, carry = full_adder(bits, f"m_{position}", probe)
        result.append(total)
    return result


def ripple_add(a: Sequence[Bit], b: Sequence[Bit], name: str, probe: Probe) -> list[Bit]:
    """``a + b`` with a carry out as the highest bit: full adders in a chain.

    The shorter operand is filled up with zeros. Nets are ``sum_NAME_POSITION`` and
    ``carry_NAME_POSITION``.
    """
    result: list[Bit] = []
    carry = None
    for position in range(max(len(a), len(b))):
        bits = [word[position] for word in (a, b) if position < len(word)]
        bits += [] if carry is None else [carry]
        total, carry = full_adder(bits, f"{name}_{position}", probe)
        result.append(total)
    return [*result, carry]
