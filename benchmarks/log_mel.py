"""Log-mel frames of machines that never ran: inputs for a network whose recordings are not at hand.

The autoencoder of MLPerf Tiny takes 5 frames of 128 mel bins, one frame after the other, each bin
``10 log10`` of the power in 64 ms of a machine's sound. What is drawn is, at frame t and bin m,

    x[t, m] = (1 - l) quiet(m) + l loud(m) + edge(m) + resonance[m] + fluctuation[t, m]   in dB

- l is uniform in 0..1, one for each sample: a machine speeds up and slows down.
- quiet falls from -15 to -80 over the bins, loud from -8 to -30, both straight: what turns fast is
  louder, most of all at high frequencies. The int8 form of the network, as published, covers -84.9
  to 14.9.
- edge is -30 exp(-m / 2): little is left of the lowest frequencies.
- resonance is Gaussian with a deviation of 4, correlated over 4 bins and the same in all frames:
  bodies and rooms ring, and do not change within a third of a second.
- fluctuation is Gaussian with a deviation of 2.5, correlated over 1.5 bins and by 0.5 from one
  frame to the next: noise in a band of k bins of the spectrum has a power whose decibels deviate by
  5.6 / sqrt(k), k is 4 on average, and bands overlap as frames do, by half.

So a sample is smooth along the bins and across the frames, and samples differ most by level and
slope. The network knows such sounds: it restores nine tenths of their variance. White noise of the
same level it does not restore at all.
"""

from __future__ import annotations

import numpy as np

__all__ = ["BINS", "FRAMES", "draw"]

FRAMES = 5
BINS = 128

_QUIET, _LOUD = (-15.0, -80.0), (-8.0, -30.0)
_EDGE, _EDGE_BINS = -30.0, 2.0
_RESONANCE, _RESONANCE_BINS = 4.0, 4.0
_FLUCTUATION, _FLUCTUATION_BINS, _FRAME_CORRELATION = 2.5, 1.5, 0.5
_JITTER = 1e-9


def draw(count: int, seed: int) -> np.ndarray:
    """Samples in dB: float32 of shape (count, 640), frame after frame.

    Fewer of one seed are the first of more.

    Raises
    ------
    ValueError : count below 1
    """
    if count < 1:
        raise ValueError(f"count {count}: must be at least 1")
    levels, noise = np.random.default_rng(seed).spawn(2)
    level = levels.random((count, 1, 1))
    normal = noise.standard_normal((count, 1 + FRAMES, BINS))
    bins = np.arange(BINS)
    mean = (1 - level) * np.linspace(*_QUIET, BINS) + level * np.linspace(*_LOUD, BINS)
    mean = mean + _EDGE * np.exp(-bins / _EDGE_BINS)
    resonance = normal[:, :1] @ _root(np.exp(-0.5 * (_distances(BINS) / _RESONANCE_BINS) ** 2)).T
    across = _root(np.exp(-0.5 * (_distances(BINS) / _FLUCTUATION_BINS) ** 2))
    along = _root(_FRAME_CORRELATION ** _distances(FRAMES))
    fluctuation = along @ normal[:, 1:] @ across.T
    x: np.ndarray = mean + _RESONANCE * resonance + _FLUCTUATION * fluctuation
    return x.reshape(count, FRAMES * BINS).astype(np.float32)


def _distances(size: int) -> np.ndarray:
    places = np.arange(size, dtype=float)
    distances: np.ndarray = np.abs(places[:, None] - places)
    return distances


def _root(covariance: np.ndarray) -> np.ndarray:
    """L with ``L L^T = covariance``; what a Gaussian kernel lacks in rank is made up for."""
    root: np.ndarray = np.linalg.cholesky(covariance + _JITTER * np.eye(len(covariance)))
    return root
