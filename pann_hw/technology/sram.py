"""What an on-chip static memory takes, estimated from published macros."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pann_hw.errors import InputError

__all__ = ["ESTIMATE", "Sram"]

ESTIMATE = (
    "estimate: SRAM energy fitted to the datasheets of ten IHP SG13G2 macros (130 nm, 1.2 V), "
    "scaled by feature size and supply"
)
"""What a report says beside a figure of this module, which is never part of a measured sum."""

_FEATURE, _SUPPLY = 130.0, 1.2

_ACCESS, _WORD, _BIT, _CELL = 2357.0, 3.32, 857.5, 0.76
"""fJ of an access that reads and writes: always; per word; per bit of the word; per cell."""

_READ, _WRITE = 0.78, 0.97
"""Parts of that for an access that only reads, or only writes."""

_LEAKAGE = 0.01209
"""nW per cell."""

_RANGES: dict[str, tuple[float, float, str]] = {
    "words": (1, 1 << 20, ""),
    "width": (1, 1 << 12, ""),
    "supply": (0.3, 5, " V"),
    "feature": (2, 500, " nm"),
}


@dataclass(frozen=True)
class Sram:
    """A single-port memory macro of `words` words of `width` bits. All figures are estimates.

    An access to W words of b bits takes ``2357 + 3.32 W + b (857.5 + 0.76 W)`` fJ at 130 nm and
    1.2 V: what every access costs, the decoder, the columns' circuits, and bit lines as long as
    there are words. The four coefficients are a least-squares fit (of relative errors) to the
    "Total Typical Power", typical corner at 25 degrees, of the datasheets of ten macros
    RM_IHPSG13_1P from 64 x 16 to 4096 x 16 and 2048 x 64 bits (IHP-Open-PDK,
    ihp-sg13g2/libs.ref/sg13g2_sram/doc); it is within 9 % of each. That figure is of an access
    that writes and reads; the macros' Liberty files have reading alone at 0.78 to 0.79 and writing
    alone at 0.94 to 1.01 of it. Leakage is 12.09 pW per cell in all ten.

    Elsewhere energy is scaled as ``C V^2`` with ``C`` as the feature size, and leakage as the
    supply alone, which is no more than its order of magnitude: a library's transistors may leak a
    hundred times more or less. Published figures for 8 KiB and 64 bits show how far the scaling
    goes: 17 pJ a read here at 45 nm and 0.9 V, 10 pJ in Horowitz, "Computing's energy problem",
    ISSCC 2014. Memories smaller than 64 words are not among the macros; all coefficients being
    positive, what is left for them is the cost of an access and of its columns.

    Attributes
    ----------
    words : 1..2^20
    width : bits of a word, 1..4096
    supply : V, 0.3..5
    feature : nm, 2..500

    Raises
    ------
    InputError : a parameter is out of range
    """

    words: int
    width: int
    supply: float
    feature: float

    def __post_init__(self) -> None:
        for name, (low, high, unit) in _RANGES.items():
            value = getattr(self, name)
            whole = name in ("words", "width")
            kinds = int if whole else (int, float)
            if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
                raise InputError(
                    f"{name} = {value!r}: a memory must have {low}..{high}{unit}"
                    + (", a whole number" if whole else "")
                )

    @property
    def bits(self) -> int:
        """Bits in the memory."""
        return self.words * self.width

    @property
    def read_energy(self) -> float:
        """FJ per bit of a word that is read."""
        return _READ * self._access / self.width

    @property
    def write_energy(self) -> float:
        """FJ per bit of a word that is written."""
        return _WRITE * self._access / self.width

    @property
    def leakage(self) -> float:
        """NW per bit that is stored."""
        return _LEAKAGE * self.supply / _SUPPLY

    @property
    def _access(self) -> float:
        energy = _ACCESS + _WORD * self.words + self.width * (_BIT + _CELL * self.words)
        return energy * self.feature / _FEATURE * math.pow(self.supply / _SUPPLY, 2)
