"""Powers and energies as text."""

from __future__ import annotations

import math

import pytest

from pann_hw.errors import InputError
from pann_hw.sizing.quantities import parse_quantity, shown


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("2mW", "W", 2e-3),
        ("500 uW", "W", 5e-4),
        ("500\N{MICRO SIGN}W", "W", 5e-4),
        ("0.5W", "W", 0.5),
        ("5uJ", "J", 5e-6),
        ("1e3nJ", "J", 1e-6),
        ("7pJ", "J", 7e-12),
    ],
)
def test_parsed(text: str, unit: str, value: float) -> None:
    assert math.isclose(parse_quantity(text, unit), value)


@pytest.mark.parametrize(
    "text", ["2", "mW", "2MW", "-2mW", "0mW", "nanmW", "2mJ", "1e999W", "2.3.4mW", "", "2 mW!"]
)
def test_nonsense(text: str) -> None:
    with pytest.raises(InputError, match="must be a number above 0 with its unit, such as 2mW"):
        parse_quantity(text, "W")


def test_shown() -> None:
    assert shown(1.9321e-3, "W") == "1.932 mW"
    assert shown(2.0, "W") == "2 W"
    assert shown(0.99999e-3, "W") == "1 mW"
    assert shown(4e-10, "J") == "400 pJ"
    for value in (3.21e-3, 7.5e-7, 12.0):
        assert math.isclose(parse_quantity(shown(value, "J"), "J"), value)
