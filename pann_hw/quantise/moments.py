"""Second moments of what a layer reads, from calibration data, and how it goes with its target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from pann_hw.integer.network import Source, Tensor, sides

__all__ = ["Moments", "moments"]

_BATCH = 32
_SAMPLES = 32768
_SEED = 0


@dataclass(frozen=True, eq=False)
class Moments:
    """Of a layer's inputs x, per group as many as one output channel reads, and target t.

    Attributes
    ----------
    covariance : (G, n, n) of x
    with_target : (G, O, n) covariance of t and x
    """

    covariance: torch.Tensor
    with_target: torch.Tensor


def moments(
    sources: Sequence[Source],
    values: Mapping[str, torch.Tensor],
    tensors: Mapping[str, Tensor],
    target: torch.Tensor,
) -> Moments:
    """Covariances over images and positions; about 32,768 windows, drawn with a fixed seed.

    Parameters
    ----------
    sources : windows of equal groups, whose inputs are put one after another
    values : the integers (n, C, H, W) by name
    target : (n, O, H, W), what the layer should make of them
    """
    images, _, height, width = target.shape
    groups = sources[0].groups
    positions = min(height * width, -(-_SAMPLES // images))
    generator = torch.Generator().manual_seed(_SEED)
    count = 0
    square: torch.Tensor | None = None
    for start in range(0, images, _BATCH):
        part = slice(start, start + _BATCH)
        chosen = torch.randperm(height * width, generator=generator)[:positions]
        rows, columns = chosen // width, chosen % width
        x = torch.cat(
            [
                _windows(source, values[source.tensor][part], tensors[source.tensor], rows, columns)
                for source in sources
            ],
            2,
        )
        t = target[part][:, :, rows, columns].permute(1, 0, 2).flatten(1)
        t = t.view(groups, -1, t.shape[1]).transpose(1, 2)
        ones = torch.ones((groups, x.shape[1], 1))
        joint = torch.cat([x, t.float(), ones], 2)
        product = (joint.transpose(1, 2) @ joint).double()
        square = product if square is None else square + product
        count += x.shape[1]
    assert square is not None
    square = square / count
    mean = square[:, -1, :]
    covariance = square - mean[:, :, None] * mean[:, None, :]
    inputs = x.shape[2]
    return Moments(covariance[:, :inputs, :inputs], covariance[:, inputs:-1, :inputs])


def _windows(
    source: Source, x: torch.Tensor, tensor: Tensor, rows: torch.Tensor, columns: torch.Tensor
) -> torch.Tensor:
    """Windows at the given positions as (G, images * positions, inputs), zero points taken out."""
    padded = F.pad(x.float() - tensor.zero_point, sides(source))
    kernel = source.weights.shape[2:]
    windows = padded.unfold(2, kernel[0], source.stride[0]).unfold(3, kernel[1], source.stride[1])
    taken = windows[:, :, rows, columns].permute(1, 0, 2, 3, 4)
    grouped = taken.reshape(source.groups, -1, *taken.shape[1:]).permute(0, 2, 3, 1, 4, 5)
    return grouped.reshape(source.groups, taken.shape[1] * taken.shape[2], -1)
