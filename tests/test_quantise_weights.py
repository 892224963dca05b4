"""The weight step sets the additions per weight; rounding is to the nearest step."""

from __future__ import annotations

import numpy as np
import pytest

from pann_hw.quantise.weights import quantise_weights, weight_step


@pytest.mark.parametrize("additions", [1.5, 2.0, 4.0, 16.0])
def test_additions_are_reached(additions: float) -> None:
    weights = np.random.default_rng(1).laplace(size=(32, 16, 3, 3)).astype(np.float32)
    gamma = weight_step(float(np.abs(weights).sum()), weights.size, additions)
    found = np.abs(quantise_weights(weights, gamma)).mean()
    assert found == pytest.approx(additions, rel=0.05)


def test_nearest_step() -> None:
    weights = np.array([-1.26, -1.24, -0.75, 0.0, 0.24, 0.25, 0.26, 7.4])
    assert quantise_weights(weights, 0.5).tolist() == [-3, -2, -1, 0, 0, 1, 1, 15]
    assert quantise_weights(weights, 0.5).dtype == np.int64


@pytest.mark.parametrize(
    ("norm", "count", "additions"), [(-1.0, 1, 1.0), (1.0, 0, 1.0), (1.0, 1, 0.0),
                                     (float("nan"), 1, 1.0)]
)  # fmt: skip
def test_bad_parameters(norm: float, count: int, additions: float) -> None:
    with pytest.raises(ValueError, match="must be"):
        weight_step(norm, count, additions)


@pytest.mark.parametrize(("weight", "gamma"), [(1.0, 0.0), (1.0, -1.0), (np.nan, 1.0)])
def test_bad_weights(weight: float, gamma: float) -> None:
    with pytest.raises(ValueError, match=r"must be|finite"):
        quantise_weights(np.array([weight]), gamma)
