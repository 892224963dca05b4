"""How well an integer network does what its float network does."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from pann_hw.errors import InputError
from pann_hw.integer.network import IntegerNetwork
from pann_hw.network.graph import FloatGraph
from pann_hw.quantise.evaluate import outputs

__all__ = ["Quality", "check_classes", "divergence", "float_outputs", "quality"]

_BATCH = 128


@dataclass(frozen=True)
class Quality:
    """What images say of an integer network.

    Attributes
    ----------
    accuracy : part of them classified as labelled, None without labels
    agreement : part of them classified as by the float network
    error : squared error of the outputs over the float outputs' variance
    """

    accuracy: float | None
    agreement: float
    error: float


def float_outputs(graph: FloatGraph, x: np.ndarray) -> np.ndarray:
    """The float network's outputs for images (n, C, H, W): float64 (n, features)."""
    with torch.no_grad():
        parts = [
            graph.run(torch.from_numpy(np.ascontiguousarray(batch, np.float32)))
            for batch in (x[start : start + _BATCH] for start in range(0, len(x), _BATCH))
        ]
    found: np.ndarray = torch.cat(parts).double().numpy()
    return found


def check_classes(y: np.ndarray | None, count: int, graph: FloatGraph) -> None:
    """Check class numbers: as many as images, and each an output of the network.

    Raises
    ------
    InputError : another type, shape or range
    """
    if y is None:
        return
    if y.shape != (count,) or y.dtype.kind not in "iu":
        raise InputError(f"y is {y.dtype} of shape {y.shape}, must be {count} integer classes")
    outputs = math.prod(graph.shapes[graph.output_name])
    if not 0 <= y.min() <= y.max() < outputs:
        raise InputError(
            f"y has classes {y.min()}..{y.max()}, but the network has {outputs} outputs: classes "
            f"must be 0..{outputs - 1}"
        )


def quality(
    network: IntegerNetwork, x: np.ndarray, y: np.ndarray | None, wanted: np.ndarray
) -> Quality:
    """Compare a network with labels and with the float network.

    Parameters
    ----------
    x, y : images (n, C, H, W) and their classes (n,) or None
    wanted : the float network's outputs for them, as :func:`float_outputs` gives them
    """
    found = outputs(network, x) * network.output_scale
    classes = found.argmax(1)
    return Quality(
        accuracy=None if y is None else float((classes == y).mean()),
        agreement=float((classes == wanted.argmax(1)).mean()),
        error=float(((found - wanted) ** 2).mean() / max(float(wanted.var()), 1e-30)),
    )


def divergence(network: IntegerNetwork, x: np.ndarray, wanted: np.ndarray) -> float:
    """Mean Kullback-Leibler divergence of the network's class probabilities from the float ones.

    ``sum_c p_c (log p_c - log q_c)`` in nats, p and q the softmax of the outputs.

    Parameters
    ----------
    x : images (n, C, H, W)
    wanted : the float network's outputs for them, as :func:`float_outputs` gives them
    """
    found = torch.from_numpy(outputs(network, x) * network.output_scale).log_softmax(1)
    distance = F.kl_div(
        found, torch.from_numpy(wanted).log_softmax(1), reduction="batchmean", log_target=True
    )
    return float(distance)
