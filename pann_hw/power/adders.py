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


def full_adder(
    bits: Sequence[Bit], name: str, probe: Probe, *, top: bool = False
) -> tuple[Bit, Bit]:
    """Sum and carry of up to three bits; None, taken or returned, is a bit that is always 0.

    ``sum = a ^ b ^ c``, ``carry = a & b | c & (a ^ b)``. With fewer bits, or one of them tied to 1,
    it is what synthesis leaves of a full adder: a half adder, an inverter, a wire. Nets are called
    ``sum_NAME`` and ``carry_NAME``. At the top of a sum nobody reads the carry: it is left out.

    Raises
    ------
    ValueError : more than three bits, or more than one tied
    """
    bits = [bit for bit in bits if bit is not None]
    ties = sum(1 for bit in bits if isinstance(bit, int))
    if len(bits) > 3 or ties > 1:
        raise ValueError(f"adder {name}: {len(bits)} bits, {ties} tied: must be at most 3, 1 tied")
    a, *others = [bit for bit in bits if not isinstance(bit, int)] or [None]
    if a is None:
        return (1 if ties else None), None
    if not others:
        return (probe(f"sum_{name}", ~a), None if top else a) if ties else (a, None)
    half = a ^ others[0]
    if ties:
        total, carry = ~half, a | others[0]
    elif len(others) == 1:
        total, carry = half, a & others[0]
    else:
        total, carry = half ^ others[1], a & others[0] | others[1] & half
    total = probe(f"sum_{name}", total)
    return total, None if top else probe(f"carry_{name}", carry)


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
            top = position + 1 == width
            total, carry = full_adder(bits, f"{index}_{position}", probe, top=top)
            if total is not None:
                sums[position] = total
            if carry is not None:
                following[position + 1] = carry
        carries = following
    result: list[Bit] = []
    carry = None
    for position in range(width):
        bits = [part[position] for part in (sums, carries) if position in part]
        top = position + 1 == width
        total, carry = full_adder([*bits, carry], f"m_{position}", probe, top=top)
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
        total, carry = full_adder([*bits, carry], f"{name}_{position}", probe)
        result.append(total)
    return [*result, carry]
