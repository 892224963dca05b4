"""Closed formulas: flips per operation for operands that are uniform over their whole range.

Source: PANN, arXiv 2202.02783, sections 3 and 4 with their appendices. b, x_bits and w_bits are
widths of operands, B is the accumulator's; units are bit flips per operation.
"""

from __future__ import annotations

__all__ = [
    "accumulate",
    "flips_per_weight",
    "mac",
    "multiply",
    "register_word",
]


def register_word(bits: float) -> float:
    """A word of uniform bits that is replaced by another: half of them flip, ``0.5 b``."""
    return 0.5 * bits


def multiply(x_bits: int, w_bits: int) -> dict[str, float]:
    """A multiplier: ``0.5 (x_bits + w_bits)`` at its inputs, ``0.5 max(x_bits, w_bits)**2`` inside.

    With equal widths ``0.5 b**2 + b``, signed or not.
    """
    return {"inputs": 0.5 * (x_bits + w_bits), "internal": 0.5 * max(x_bits, w_bits) ** 2}


def accumulate(bits: int, accumulator_width: int, *, signed: bool) -> dict[str, float]:
    """An accumulator of words of ``bits`` bits, such as products of two b-bit operands, 2 b.

    The sum and the register flip ``0.5 bits`` each. So do unsigned addends, 3 b in all; a signed
    one flips its whole sign extension with its sign, ``0.5 B``: 0.5 B + 2 b in all.
    """
    addend = 0.5 * (accumulator_width if signed else bits)
    return {"accumulator_input": addend, "sum": 0.5 * bits, "register": 0.5 * bits}


def mac(x_bits: int, w_bits: int, accumulator_width: int, *, signed: bool) -> dict[str, float]:
    """A multiply-accumulate: ``0.5 b**2 + 3 b + 0.5 B`` signed, ``0.5 b**2 + 4 b`` unsigned."""
    product = accumulate(x_bits + w_bits, accumulator_width, signed=signed)
    return multiply(x_bits, w_bits) | product


def flips_per_weight(additions: float, x_bits: int) -> dict[str, float]:
    """PANN's ``(R + 0.5) bx``: a weight of R additions on average of an activation of bx bits.

    The operand changes once a weight, ``0.5 bx`` at the accumulator's input; each addition flips
    ``0.5 bx`` in the sum and as many in the register.
    """
    return {
        "accumulator_input": 0.5 * x_bits,
        "sum": 0.5 * additions * x_bits,
        "register": 0.5 * additions * x_bits,
    }
