"""Batch normalisation in inference: an affine map per channel, folded into the layer before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from pann_hw.network.graph import Convolution, Node

__all__ = ["Affine", "affine", "fold"]


@dataclass(frozen=True)
class Affine(Convolution):
    """``y[c] = weight[c] * x[c] + bias[c]``: a depthwise 1 x 1 convolution that may be folded."""


def affine(
    name: str,
    source: str,
    gain: torch.Tensor | None,
    offset: torch.Tensor | None,
    mean: torch.Tensor,
    variance: torch.Tensor,
    epsilon: float,
) -> Affine:
    """``y = gain * (x - mean) / sqrt(variance + epsilon) + offset``, all of shape (C,).

    ``gain`` None stands for 1, ``offset`` None for 0. Worked out in float64.
    """
    scale = 1 / torch.sqrt(variance.double() + epsilon)
    if gain is not None:
        scale = scale * gain.double()
    shift = -mean.double() * scale
    if offset is not None:
        shift = shift + offset.double()
    weight = scale.float().reshape(-1, 1, 1, 1)
    return Affine(name, (source,), weight, shift.float(), groups=len(weight))


def fold(nodes: Sequence[Node], output_name: str) -> tuple[tuple[Node, ...], str, tuple[str, ...]]:
    """Merge each :class:`Affine` into the convolution that it alone reads.

    An Affine that stays becomes a plain depthwise 1 x 1 :class:`Convolution`.

    Returns
    -------
    nodes, output_name : the same network with fewer nodes; a merged pair has the convolution's name
    notes : a sentence per Affine
    """
    readers = Counter(name for node in nodes for name in node.inputs)
    readers[output_name] += 1
    folded: dict[str, Node] = {}
    renamed: dict[str, str] = {}
    notes: list[str] = []
    for original in nodes:
        inputs = tuple(renamed.get(name, name) for name in original.inputs)
        node = replace(original, inputs=inputs)
        if not isinstance(node, Affine):
            folded[node.name] = node
            continue
        before = folded.get(inputs[0])
        if isinstance(before, Convolution) and readers[original.inputs[0]] == 1:
            folded[before.name] = _merged(before, node)
            renamed[node.name] = before.name
            notes.append(f"{node.name}: batch normalisation folded into {before.name}")
        else:
            folded[node.name] = Convolution(
                node.name, inputs, node.weight, node.bias, groups=node.groups
            )
            notes.append(f"{node.name}: batch normalisation kept as a depthwise 1 x 1 convolution")
    return tuple(folded.values()), renamed.get(output_name, output_name), tuple(notes)


def _merged(convolution: Convolution, after: Affine) -> Convolution:
    scale = after.weight.double().flatten()
    return replace(
        convolution,
        weight=(convolution.weight.double() * scale[:, None, None, None]).float(),
        bias=(convolution.bias.double() * scale + after.bias.double()).float(),
    )
