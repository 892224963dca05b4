"""The lane to try things out: its members, and what its switches leave out.

That its sums are right is tested in a core.
"""

from __future__ import annotations

import pytest
from amaranth import Value

from benchmarks.lanes_trials import TrialLane
from pann_hw.config import AcceleratorConfig
from rtl_gen.verilog import to_rtlil

CONFIG = AcceleratorConfig(lane="csd", rails=2, accumulator_width=20, low_bits=8)


def test_members() -> None:
    one, two = TrialLane(CONFIG, sums=1, shifted=True), TrialLane(CONFIG, sums=2)
    assert "turn" in one.signature.members and "turn" not in two.signature.members
    assert (len(Value.cast(one.x[0])), len(Value.cast(two.x[0]))) == (11, 8)
    assert (len(one.value), len(two.value)) == (20, 40)
    for lane in (one, two):
        to_rtlil(lane, "lane")


@pytest.mark.parametrize("sums", [1, 2])
def test_without_rest_operands_are_not_compared_with_0(sums: int) -> None:
    resting, not_resting = (
        to_rtlil(TrialLane(CONFIG, sums=sums, rests=rests), "lane") for rests in (True, False)
    )
    assert resting.count("cell $") > not_resting.count("cell $")
