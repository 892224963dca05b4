"""How much glitches add, estimated from windows of cycles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Glitches", "glitches", "spread_windows"]


@dataclass(frozen=True)
class Glitches:
    """Ratios of energy with glitches to energy without.

    Attributes
    ----------
    factors : class -> ratio over all windows, 1 where its nets are still in all of them
    deviation : standard deviation of the scaled total, in the unit of the energies; nan for one
        window
    """

    factors: Mapping[str, float]
    deviation: float


def spread_windows(cycles: int, windows: int, length: int) -> list[tuple[int, int]]:
    """Start and length of windows, each in the middle of one of as many equal parts of the cycles.

    Windows do not overlap: in few cycles they are shorter, and fewer.
    """
    windows = min(windows, cycles)
    length = min(length, cycles // windows) if windows else 0
    return [((2 * k + 1) * cycles // (2 * windows) - length // 2, length) for k in range(windows)]


def glitches(
    whole: Mapping[str, float],
    settled: Sequence[Mapping[str, float]],
    changed: Sequence[Mapping[str, float]],
) -> Glitches:
    """Ratio estimates, class by class, with the deviation of the total that they give.

    A class's factor is the sum of what it takes with glitches, over all windows, by the sum of what
    it takes without. The total is ``sum over classes of whole * factor``. Its deviation is that of
    the linearised sum: a window adds ``e = sum over classes of whole (y - factor x) / sum x``, x
    and y being what the class takes there without and with glitches, and the variance is
    ``n / (n - 1) sum of e^2`` (Cochran, Sampling Techniques, chapter 6).

    Parameters
    ----------
    whole : class -> energy of whole inferences without glitches
    settled, changed : for each window, class -> energy without, and with glitches
    """
    factors, errors = {}, np.zeros(len(settled))
    for name, energy in whole.items():
        x = np.array([window[name] for window in settled])
        y = np.array([window[name] for window in changed])
        factors[name] = float(y.sum() / x.sum()) if x.sum() > 0 else 1.0
        if x.sum() > 0:
            errors += energy * (y - factors[name] * x) / x.sum()
    count = len(errors)
    deviation = float(np.sqrt(count / (count - 1) * (errors**2).sum())) if count > 1 else np.nan
    return Glitches(factors, deviation)
