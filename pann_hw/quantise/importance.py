"""What an error in a channel of a layer's sums does to the network's output.

To first order an error d of a sum changes output k by ``d * dy_k / dsum``. For errors that are
independent of each other and of the gradient, the squared error of the outputs is then their mean
square times

    importance = sum over outputs k of E (dy_k / dsum)^2,

the diagonal of the Gauss-Newton matrix, averaged over images and positions.
"""

from __future__ import annotations

import numpy as np
import torch

from pann_hw.quantise.fuse import Fused, Sum

__all__ = ["channel_importance"]

_BATCH = 32
_PROBES = 16
_SEED = 0


def channel_importance(fused: Fused, x: np.ndarray) -> dict[str, np.ndarray]:
    """Importance of each output channel (C,) of every layer with weights, by the layer's name.

    With more than 16 outputs it is estimated from 16 sums of them with random signs, drawn with a
    fixed seed, of which the expectation is the same.

    Parameters
    ----------
    x : images (n, C, H, W); about a hundred are enough
    """
    layers = [one for one in fused.layers if isinstance(one, Sum) and one.convolutions]
    graph = fused.graph
    outputs = int(np.prod(graph.shapes[graph.output_name]))
    probes = torch.eye(outputs)
    if outputs > _PROBES:
        generator = torch.Generator().manual_seed(_SEED)
        signs = torch.randint(0, 2, (_PROBES, outputs), generator=generator)
        probes = (2.0 * signs - 1) / _PROBES**0.5
    totals = {layer.name: np.zeros(graph.shapes[layer.unclamped][0]) for layer in layers}
    for start in range(0, len(x), _BATCH):
        batch = torch.from_numpy(np.ascontiguousarray(x[start : start + _BATCH], np.float32))
        values = graph.values(batch.requires_grad_())
        sums = [values[layer.unclamped] for layer in layers]
        output = values[graph.output_name].flatten(1)
        for probe in probes:
            gradients = torch.autograd.grad((output * probe).sum(), sums, retain_graph=True)
            for layer, gradient in zip(layers, gradients, strict=True):
                squares = gradient.double().square().mean((2, 3)).sum(0)
                totals[layer.name] += squares.numpy() / len(x)
    return totals
