"""Powers and energies as people write them: 2mW, 500 uW, 5uJ."""

from __future__ import annotations

import math
import re

from pann_hw.errors import InputError

__all__ = ["parse_quantity", "shown"]

_PREFIXES = {"": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12}
_OTHER_SPELLINGS = {"\N{MICRO SIGN}": "u", "\N{GREEK SMALL LETTER MU}": "u"}
_NAMES = {"W": "power", "J": "energy"}


def parse_quantity(text: str, unit: str) -> float:
    """The number of watts, or joules, that a text like 2mW or 5uJ stands for.

    Parameters
    ----------
    text : a number above 0, a prefix (m, u, n, p or none) and the unit; blanks do not count
    unit : "W" or "J"

    Raises
    ------
    InputError : anything else
    """
    plain = "".join(text.split())
    for other, letter in _OTHER_SPELLINGS.items():
        plain = plain.replace(other, letter)
    found = re.fullmatch(rf"([0-9.]+(?:[eE][+-]?[0-9]+)?)([{''.join(_PREFIXES)}]?){unit}", plain)
    try:
        value = float(found[1]) * _PREFIXES[found[2]] if found else math.nan
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise InputError(
            f"{_NAMES[unit]} {text!r}: must be a number above 0 with its unit, such as 2m{unit}, "
            f"500u{unit} or 300n{unit}"
        )
    return value


def shown(value: float, unit: str) -> str:
    """Four significant digits with the prefix that suits: "1.932 mW"."""
    prefix = next(
        (name for name, factor in _PREFIXES.items() if value >= 0.9995 * factor),
        "p",
    )
    return f"{value / _PREFIXES[prefix]:.4g} {prefix}{unit}"
