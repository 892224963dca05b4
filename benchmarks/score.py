"""How close outputs come to those of the float network, and to the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from pann_hw.network.graph import FloatGraph

__all__ = ["Score", "float_outputs", "score"]

_BATCH = 128


@dataclass(frozen=True)
class Score:
    """Outputs against the float network's.

    Attributes
    ----------
    float_accuracy, accuracy : part of the samples that the float network, and the other, classifies
        as labelled; None without labels
    agreement : part of the samples that both classify alike; None without labels, where outputs
        are no scores of classes
    error : mean squared error of the outputs over the float outputs' variance
    """

    float_accuracy: float | None
    accuracy: float | None
    agreement: float | None
    error: float


def float_outputs(graph: FloatGraph, x: np.ndarray) -> np.ndarray:
    """The float network's outputs, (n, features)."""
    with torch.no_grad():
        parts = [
            graph.run(torch.from_numpy(x[start : start + _BATCH]))
            for start in range(0, len(x), _BATCH)
        ]
    outputs: np.ndarray = torch.cat(parts).numpy()
    return outputs


def score(found: np.ndarray, wanted: np.ndarray, y: np.ndarray | None) -> Score:
    """``found`` against the float outputs ``wanted``, (n, features) both, and classes y (n,)."""
    squares = (found.astype(np.float64) - wanted) ** 2
    error = float(squares.mean() / wanted.astype(np.float64).var())
    if y is None:
        return Score(None, None, None, error)
    ours, theirs = found.argmax(1), wanted.argmax(1)
    return Score(
        float((theirs == y).mean()),
        float((ours == y).mean()),
        float((ours == theirs).mean()),
        error,
    )
