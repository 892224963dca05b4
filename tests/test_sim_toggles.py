"""Two counters of toggles: what they agree on, where they differ, what they lack."""

from __future__ import annotations

import numpy as np
import pytest

from pann_hw.errors import MismatchError, ToolError
from sim.toggles import agreed, as_words

NETS = {"adder": {"sum": 3, "carry": 1}, "other": {"sum": 1}}
COUNTS = {"top.adder.sum": {1: 5, 0: 9, 2: 0}, "top.adder.carry": {0: 4}, "top.other.sum": {0: 7}}


def test_toggles_that_agree() -> None:
    """Counts of nets that nobody asked for may differ."""
    one = as_words({**COUNTS, "top.clk": {0: 1}})
    toggles = agreed(NETS, {"this": one, "that": as_words(COUNTS)}, "top")
    assert {
        name: {net: c.tolist() for net, c in nets.items()} for name, nets in toggles.items()
    } == {
        "adder": {"sum": [9, 5, 0], "carry": [4]},
        "other": {"sum": [7]},
    }


@pytest.mark.parametrize(
    ("net", "bits", "message"),
    [
        (
            "top.adder.sum",
            [9, 6, 1],
            r"2 of 5 bits differ, first adder\.sum\[1\]: 5 by this, 6 by t",
        ),
        ("top.other.sum", [0], r"1 of 5 bits differ, first other\.sum\[0\]: 7 by this, 0 by that"),
    ],
)
def test_toggles_that_differ(net: str, bits: list[int], message: str) -> None:
    other = as_words(COUNTS) | {net: np.array(bits)}
    with pytest.raises(MismatchError, match=message):
        agreed(NETS, {"this": as_words(COUNTS), "that": other}, "top")


@pytest.mark.parametrize(("bits", "found"), [([], 0), ([9, 5], 2), ([9, 5, 0, 0], 4)])
def test_nets_that_are_lacking(bits: list[int], found: int) -> None:
    other = as_words(COUNTS) | {"top.adder.sum": np.array(bits)}
    with pytest.raises(ToolError, match=rf"that has {found} bits of adder\.sum, must have 3"):
        agreed(NETS, {"this": as_words(COUNTS), "that": other}, "top")
