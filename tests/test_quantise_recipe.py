"""Recipes name what is out of range."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pann_hw.quantise.recipe import FULL, PLAIN, RECIPES, Recipe


def test_plain_is_not_layer_by_layer() -> None:
    assert not PLAIN.layer_by_layer
    assert FULL.layer_by_layer
    assert RECIPES == {"plain": PLAIN, "full": FULL}


def test_channel_steps_alone_are_fitted_layer_by_layer() -> None:
    assert replace(PLAIN, channel_steps=True).layer_by_layer


@pytest.mark.parametrize("thrift", [-0.1, float("nan")])
def test_bad_thrift(thrift: float) -> None:
    with pytest.raises(ValueError, match=r"thrift .* at least 0"):
        Recipe(thrift=thrift)


def test_bad_damping_and_clip() -> None:
    with pytest.raises(ValueError, match=r"damping 0.*above 0"):
        Recipe(damping=0.0)
    with pytest.raises(ValueError, match="one of mse, percentile, none"):
        Recipe(clip="max")
