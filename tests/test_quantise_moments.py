"""Moments of windows against windows taken one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pann_hw.integer.network import Source, Tensor
from pann_hw.quantise.moments import moments


def direct(source: Source, x: np.ndarray, zero_point: int, size: tuple[int, int]) -> np.ndarray:
    """Windows (G, images * positions, inputs), each cut out of the padded map."""
    kernel = source.weights.shape[2:]
    top, left = source.padding
    padded = np.full((*x.shape[:2], 64, 64), 0.0)
    padded[:, :, top : top + x.shape[2], left : left + x.shape[3]] = x - float(zero_point)
    per_group = x.shape[1] // source.groups
    rows = [
        padded[image, :, i * source.stride[0] : i * source.stride[0] + kernel[0],
               j * source.stride[1] : j * source.stride[1] + kernel[1]]
        for image in range(len(x)) for i in range(size[0]) for j in range(size[1])
    ]  # fmt: skip
    grouped = np.stack(rows).reshape(len(rows), source.groups, per_group * kernel[0] * kernel[1])
    return grouped.transpose(1, 0, 2)


CASES = [
    ((4, 3, 3, 3), 1, (1, 1), (1, 1), 0),
    ((6, 1, 3, 3), 3, (2, 2), (1, 1), 5),
    ((4, 3, 2, 3), 1, (1, 2), (0, 1), 2),
    ((5, 3, 6, 7), 1, (1, 1), (0, 0), 1),
]


@pytest.mark.parametrize(("shape", "groups", "stride", "padding", "zero_point"), CASES)
def test_windows(
    shape: tuple[int, int, int, int], groups: int, stride: tuple[int, int],
    padding: tuple[int, int], zero_point: int, rng: np.random.Generator,
) -> None:  # fmt: skip
    x = rng.integers(0, 16, (40, 3, 6, 7))
    source = Source("x", np.ones(shape, np.int64), stride, padding, groups)
    size = tuple((x.shape[2 + a] + 2 * padding[a] - shape[2 + a]) // stride[a] + 1 for a in (0, 1))
    target = rng.standard_normal((40, shape[0], *size))
    tensors = {"x": Tensor("x", (3, 6, 7), 4, zero_point)}
    found = moments(
        [source], {"x": torch.from_numpy(x.astype(np.uint8))}, tensors, torch.from_numpy(target)
    )
    inputs = direct(source, x, zero_point, (size[0], size[1]))
    targets = target.transpose(1, 0, 2, 3).reshape(groups, shape[0] // groups, -1)
    for g in range(groups):
        joint = np.cov(inputs[g].T, targets[g], bias=True).reshape(
            inputs.shape[2] + len(targets[g]), -1
        )
        n = inputs.shape[2]
        assert np.allclose(found.covariance[g], joint[:n, :n], atol=1e-3)
        assert np.allclose(found.with_target[g], joint[n:, :n], atol=1e-3)


def test_two_sources_stand_side_by_side(rng: np.random.Generator) -> None:
    one = Source("x", np.ones((4, 3, 3, 3), np.int64), (2, 2), (1, 1))
    two = Source("y", np.ones((4, 2, 1, 1), np.int64))
    x, y = rng.integers(0, 16, (30, 3, 8, 8)), rng.integers(0, 16, (30, 2, 4, 4))
    tensors = {"x": Tensor("x", (3, 8, 8), 4), "y": Tensor("y", (2, 4, 4), 4)}
    values = {"x": torch.from_numpy(x), "y": torch.from_numpy(y)}
    found = moments([one, two], values, tensors, torch.zeros(30, 4, 4, 4))
    joint = np.concatenate([direct(one, x, 0, (4, 4)), direct(two, y, 0, (4, 4))], 2)[0]
    assert np.allclose(found.covariance[0], np.cov(joint.T, bias=True), atol=1e-3)
    assert not found.with_target.any()
