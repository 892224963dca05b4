"""Integer weights: one step gamma for all weights of a layer, set by additions per weight."""

from __future__ import annotations

import numpy as np

__all__ = ["quantise_weights", "weight_step"]


def weight_step(norm: float, count: int, additions: float) -> float:
    """``gamma = ||w||_1 / (R d)``: the step at which d weights take R additions each on average.

    Parameters
    ----------
    norm : ||w||_1, at least 0
    count : d, at least 1
    additions : R, above 0

    Raises
    ------
    ValueError : a parameter out of its range
    """
    if not norm >= 0 or count < 1 or not additions > 0:
        raise ValueError(
            f"norm {norm}, count {count}, additions {additions}: must be >= 0, >= 1 and > 0"
        )
    return norm / (additions * count)


def quantise_weights(weights: np.ndarray, gamma: float) -> np.ndarray:
    """``w_q = floor(w / gamma + 1/2)`` as int64, of the shape of ``weights``.

    Raises
    ------
    ValueError : gamma not above 0, or weights that are not finite
    """
    if not gamma > 0:
        raise ValueError(f"gamma {gamma} must be above 0")
    if not np.isfinite(weights).all():
        raise ValueError("weights must be finite")
    result: np.ndarray = np.floor(weights.astype(np.float64) / gamma + 0.5).astype(np.int64)
    return result
