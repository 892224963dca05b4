"""The perceptron's integers, what its cells are counted as, and what is asked of them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.clock import Clock
from benchmarks.mlp_run import MOST_CYCLES, MOST_LUTS, Case, configuration, measure, perceptron
from pann_hw.integer.network import Accumulate
from pann_hw.integer.run import run


@pytest.fixture(scope="module")
def case() -> Case:
    return measure(1, 4, Clock())


def test_hidden_sums_are_shifted_right_by_5_and_rounded() -> None:
    network = perceptron()
    first, second = network.layers
    assert isinstance(first, Accumulate) and isinstance(second, Accumulate)
    weights = [layer.sources[0].weights[:, :, 0, 0] for layer in (first, second)]
    assert [each.shape for each in weights] == [(32, 64), (10, 32)]
    assert all(set(np.unique(each)) == set(range(-7, 8)) for each in weights)
    x = np.random.default_rng(5).integers(0, 16, (200, 64))
    sums = x @ weights[0].T + first.bias
    hidden = ((sums + 16) >> 5).clip(0, 15)
    assert 0 < (hidden == 0).mean() < 1 and (hidden == 15).any()
    found = run(network, x[:, :, None, None])
    assert (found["hidden"].numpy()[:, :, 0, 0] == hidden).all()
    assert (found["output"].numpy()[:, :, 0, 0] == hidden @ weights[1].T + second.bias).all()


def test_one_rail_is_what_is_asked(case: Case) -> None:
    assert case.faults == case.missed == []
    assert (case.inputs, case.outputs, case.config) == (4, 40, configuration(1))
    # Each input element takes a cycle, and each lane an accumulator and a finished sum.
    assert 64 < case.fewest <= case.mean <= case.most <= MOST_CYCLES
    assert case.most < case.bound
    assert 2 * 32 * case.config.accumulator_width < case.cells.flip_flops
    assert 0 < case.cells.luts <= MOST_LUTS
    assert sum(case.cells.memories.values()) > 0


def test_what_is_missed_or_differs_is_told(case: Case) -> None:
    cells = replace(case.cells, luts=MOST_LUTS + 1, dsps=2)
    bad = replace(case, most=401, cells=cells, mismatches=3, cycles_mismatched=1)
    assert bad.missed == [
        "401 cycles, asked 400",
        "3501 LUTs, asked 3500",
        "2 DSP blocks, asked 0",
    ]
    assert bad.faults == [
        "3 of 40 outputs differ",
        "1 of 4 inputs do not take the cycles predicted",
    ]
    plain = json.loads(json.dumps(bad.plain()))
    assert plain["cells"]["dsps"] == 2 and plain["missed"] == bad.missed
