"""Batch normalisation in inference: an affine map per channel, folded into a layer beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from pann_hw.network.graph import Convolution, Node, ends

__all__ = ["Affine", "affine", "fold"]


@dataclass(frozen=True)
class Affine(Convolution):
    """``y[c] = weight[c] * x[c] + bias[c]``: a depthwise 1 x 1 convolution that may be folded.

    Attributes
    ----------
    what : the layer that it was, for notes
    """

    what: str = "batch normalisation"


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
    """Merge each :class:`Affine` into the convolution before it or, where that is exact, after it.

    Into the one before where nothing else reads that; into the one after where that alone reads the
    Affine and has no padding, which the offset would have to fill. Any other becomes a plain
    depthwise 1 x 1 :class:`Convolution`.

    Returns
    -------
    nodes, output_name : the same network with fewer nodes; a merged pair has the convolution's name
    notes : a sentence per Affine
    """
    readers = _readers(nodes, output_name)
    folded: dict[str, Node] = {}
    renamed: dict[str, str] = {}
    kept: dict[str, str] = {}
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
            notes.append(f"{node.name}: {node.what} folded into {before.name}")
        else:
            folded[node.name] = Convolution(
                node.name, inputs, node.weight, node.bias, groups=node.groups
            )
            kept[node.name] = node.what
    output_name = renamed.get(output_name, output_name)
    readers = _readers(tuple(folded.values()), output_name)
    after = {name: node for node in folded.values() for name in node.inputs}
    for name, what in kept.items():
        first, second = folded[name], after.get(name)
        assert isinstance(first, Convolution)
        if isinstance(second, Convolution) and readers[name] == 1 and _exact(first, second):
            folded[second.name] = _merged_ahead(first, second)
            del folded[name]
            notes.append(f"{name}: {what} folded into {second.name}")
        else:
            notes.append(f"{name}: {what} kept as a depthwise 1 x 1 convolution")
    return tuple(folded.values()), output_name, tuple(notes)


def _readers(nodes: Sequence[Node], output_name: str) -> Counter[str]:
    readers = Counter(name for node in nodes for name in node.inputs)
    readers[output_name] += 1
    return readers


def _merged(convolution: Convolution, after: Affine) -> Convolution:
    scale = after.weight.double().flatten()
    return replace(
        convolution,
        weight=(convolution.weight.double() * scale[:, None, None, None]).float(),
        bias=(convolution.bias.double() * scale + after.bias.double()).float(),
    )


def _exact(before: Convolution, convolution: Convolution) -> bool:
    """Whether padding of zeros stays padding of zeros."""
    return not bool(before.bias.any()) or max(*convolution.padding, *ends(convolution)) <= 0


def _merged_ahead(before: Convolution, convolution: Convolution) -> Convolution:
    weight, groups = convolution.weight.double(), convolution.groups
    grouped = weight.reshape(groups, -1, *weight.shape[1:])
    scale, shift = (
        one.double().reshape(groups, 1, -1, 1, 1) for one in (before.weight, before.bias)
    )
    return replace(
        convolution,
        inputs=before.inputs,
        weight=(grouped * scale).reshape(weight.shape).float(),
        bias=(convolution.bias.double() + (grouped * shift).sum((2, 3, 4)).flatten()).float(),
    )
