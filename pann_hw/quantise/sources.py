"""Integer sources of a layer's sum: learned windows, means, identities and selections."""

from __future__ import annotations

import numpy as np

from pann_hw.integer.network import Source, Tensor
from pann_hw.network.graph import AveragePool, Convolution, Select
from pann_hw.quantise.fuse import Branch
from pann_hw.quantise.weights import quantise_weights

__all__ = ["convolution", "copies", "mean"]


def convolution(node: Convolution, tensor: Tensor, gamma: float) -> Source:
    """A convolution's weights in steps of ``gamma``."""
    weights = quantise_weights(node.weight.detach().numpy(), gamma)
    return Source(
        tensor.name,
        weights,
        node.stride,
        node.padding,
        node.groups,
        end_padding=node.end_padding,
    )


def mean(node: AveragePool, tensor: Tensor) -> Source:
    """Windows of ones: sums that are ``kernel`` pixels times the mean."""
    channels = tensor.shape[0]
    return Source(
        tensor.name,
        np.ones((channels, 1, *node.kernel), np.int64),
        node.stride,
        node.padding,
        channels,
        learned=False,
        end_padding=node.end_padding,
    )


def copies(branches: tuple[Branch, ...], tensors: list[Tensor], weights: list[int]) -> list[Source]:
    """Branches that are values or selections of them, each times its integer weight.

    A selection's channels of zeros are left out where another branch has them, since each channel
    of a sum needs a source.
    """
    sources = []
    for index, (branch, tensor, weight) in enumerate(zip(branches, tensors, weights, strict=True)):
        if isinstance(branch.operation, Select):
            partial = index > 0 or any(_covers(other) for other in branches[1:])
            sources.append(_selection(branch.operation, tensor, weight, partial))
        elif branch.operation is None:
            sources.append(_identity(branch, tensor, weight))
    return sources


def _covers(branch: Branch) -> bool:
    return not isinstance(branch.operation, Select) or min(branch.operation.channels) >= 0


def _identity(branch: Branch, tensor: Tensor, weight: int) -> Source:
    channels = tensor.shape[0]
    return Source(
        tensor.name,
        np.full((channels, 1, 1, 1), weight, np.int64),
        groups=channels,
        first_channel=branch.first_channel,
        learned=False,
    )


def _selection(node: Select, tensor: Tensor, weight: int, partial: bool) -> Source:
    """A kernel with one weight at its lower right, which reaches an origin inside the tensor."""
    taken = [index for index, channel in enumerate(node.channels) if channel >= 0]
    first, last = (taken[0], taken[-1] + 1) if partial and taken else (0, len(node.channels))
    chosen = node.channels[first:last]
    kernel = tuple(max(origin, 0) + 1 for origin in node.origin)
    padding = (max(-node.origin[0], 0), max(-node.origin[1], 0))
    below, right = (
        (node.size[a] - 1) * node.stride[a] + kernel[a] - padding[a] - tensor.shape[a + 1]
        for a in (0, 1)
    )
    inputs = tensor.shape[0]
    depthwise = chosen == tuple(range(inputs))
    weights = np.zeros((len(chosen), 1 if depthwise else inputs, *kernel), np.int64)
    for output, channel in enumerate(chosen):
        if channel >= 0:
            weights[output, 0 if depthwise else channel, -1, -1] = weight
    return Source(
        tensor.name,
        weights,
        node.stride,
        padding,
        inputs if depthwise else 1,
        first,
        learned=False,
        end_padding=(below, right),
    )
