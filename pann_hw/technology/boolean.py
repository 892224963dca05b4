"""Boolean expressions as Liberty files write them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pann_hw.technology.library import Function

__all__ = ["columns", "evaluate", "function"]

_TOKEN = re.compile(r"\s*([A-Za-z_][\w\[\]]*|[01]|[!'^*&+|()])")

_AND = ("*", "&")
_OR = ("+", "|")


def columns(names: Sequence[str]) -> dict[str, int]:
    """Each name's column of a truth table: bit k of column i is bit i of k."""
    rows = 1 << len(names)
    ones = (1 << rows) - 1
    # 0b10, 0b1100, 0b11110000: half of each period of 2^(i+1) rows.
    return {name: ones // ((1 << (1 << i)) + 1) << (1 << i) for i, name in enumerate(names)}


def evaluate(expression: str, values: Mapping[str, int], ones: int) -> int:
    """The value of an expression, for as many cases at once as `ones` has bits.

    ``a'`` and ``!a`` are NOT, ``^`` is XOR, ``*``, ``&`` and nothing at all are AND, ``+`` and
    ``|`` are OR, and bind in that order; 0 and 1 are constants.

    Parameters
    ----------
    expression : in the operators above
    values : of each name, one bit a case
    ones : 1 in all cases

    Raises
    ------
    ValueError : the expression is none, or has a name that `values` lacks; says what is wrong
    """
    tokens = _tokens(expression)
    value, rest = _sum(tokens, values, ones)
    if rest:
        raise ValueError(f"{rest[0]!r} is out of place")
    return value


def function(expression: str, names: Sequence[str]) -> Function:
    """The truth table of an expression, over those of the names that are in it, in their order.

    Raises
    ------
    ValueError : as :func:`evaluate`
    """
    used = set(_tokens(expression))
    inputs = tuple(name for name in names if name in used)
    ones = (1 << (1 << len(inputs))) - 1
    return Function(inputs, evaluate(expression, columns(inputs), ones))


def _tokens(expression: str) -> list[str]:
    tokens, position = [], 0
    text = expression.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if not match:
            raise ValueError(f"{text[position:].strip()[0]!r} is no operator")
        tokens.append(match[1])
        position = match.end()
    return tokens


# Each of these takes what it understands from the front, and returns its value and the rest.


def _sum(tokens: list[str], values: Mapping[str, int], ones: int) -> tuple[int, list[str]]:
    value, tokens = _product(tokens, values, ones)
    while tokens and tokens[0] in _OR:
        more, tokens = _product(tokens[1:], values, ones)
        value |= more
    return value, tokens


def _product(tokens: list[str], values: Mapping[str, int], ones: int) -> tuple[int, list[str]]:
    value, tokens = _difference(tokens, values, ones)
    while tokens and tokens[0] not in (*_OR, ")", "^", "'"):
        factor = tokens[1:] if tokens[0] in _AND else tokens
        more, tokens = _difference(factor, values, ones)
        value &= more
    return value, tokens


def _difference(tokens: list[str], values: Mapping[str, int], ones: int) -> tuple[int, list[str]]:
    value, tokens = _atom(tokens, values, ones)
    while tokens and tokens[0] == "^":
        more, tokens = _atom(tokens[1:], values, ones)
        value ^= more
    return value, tokens


def _atom(tokens: list[str], values: Mapping[str, int], ones: int) -> tuple[int, list[str]]:
    if not tokens:
        raise ValueError("it ends too early")
    first, rest = tokens[0], tokens[1:]
    if first == "!":
        value, rest = _atom(rest, values, ones)
        return ones & ~value, rest
    if first == "(":
        value, rest = _sum(rest, values, ones)
        if not rest or rest[0] != ")":
            raise ValueError("a ) is missing")
        rest = rest[1:]
    elif first in ("0", "1"):
        value = ones if first == "1" else 0
    elif first in values:
        value = values[first]
    elif first[0].isalpha() or first[0] == "_":
        raise ValueError(f"{first} is no pin")
    else:
        raise ValueError(f"{first!r} is out of place")
    while rest and rest[0] == "'":
        value, rest = ones & ~value, rest[1:]
    return value, rest
