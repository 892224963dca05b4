"""Boolean expressions against Python's own operators."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from pann_hw.technology.boolean import columns, evaluate, function
from pann_hw.technology.library import Function


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("A", lambda a, b, c: a),
        ("!A", lambda a, b, c: not a),
        ("A'", lambda a, b, c: not a),
        ("(A B)'", lambda a, b, c: not (a and b)),
        ("!!A''", lambda a, b, c: a),
        ("A*B+C", lambda a, b, c: (a and b) or c),
        ("A+B*C", lambda a, b, c: a or (b and c)),
        ("A | B & C", lambda a, b, c: a or (b and c)),
        ("A ^ B C", lambda a, b, c: (a != b) and c),
        ("A B ^ C", lambda a, b, c: a and (b != c)),
        ("A + B ^ C", lambda a, b, c: a or (b != c)),
        ("A ^ B ^ C", lambda a, b, c: (a + b + c) % 2),
        ("(A)(!B)C", lambda a, b, c: a and not b and c),
        ("A'B' + C", lambda a, b, c: (not a and not b) or c),
        ("A*1 + 0", lambda a, b, c: a),
        ("(A*!B)+\n (A*B)", lambda a, b, c: a),
    ],
)
def test_each_operator(expression: str, expected: Callable[..., object]) -> None:
    table = function(expression, "ABC")
    for a, b, c in itertools.product((0, 1), repeat=3):
        values = dict(zip("ABC", (a, b, c), strict=True))
        assert table.value(values) == int(bool(expected(a, b, c)))


def test_inputs_are_those_used_in_the_order_given() -> None:
    assert function("B*!A", ["A", "B", "C"]) == Function(("A", "B"), 0b0100)
    assert function("B*!A", ["C", "B", "A"]) == Function(("B", "A"), 0b0010)
    assert function("1", "AB") == Function((), 1)
    assert function("0", "AB") == Function((), 0)


def test_columns() -> None:
    names = ["p", "q", "r", "s"]
    for bit, column in enumerate(columns(names).values()):
        assert [column >> k & 1 for k in range(16)] == [k >> bit & 1 for k in range(16)]


def test_many_cases_at_once() -> None:
    assert evaluate("a*!b", {"a": 0b1100, "b": 0b1010}, 0b1111) == 0b0100


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("A*X", "X is no pin"),
        ("(A*B", "is missing"),
        ("A)", "'\\)' is out of place"),
        ("A*", "ends too early"),
        ("", "ends too early"),
        ("*A", "'\\*' is out of place"),
        ("A%B", "'%' is no operator"),
    ],
)
def test_what_is_no_expression(expression: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        function(expression, "AB")
