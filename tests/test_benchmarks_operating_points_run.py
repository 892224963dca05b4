"""Operating points of a small network on a small accelerator, and what counts as a fault."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import operating_points_run
from benchmarks.operating_points_run import BUDGETS, OperatingPoint, measure
from pann_hw.config import AcceleratorConfig
from pann_hw.machine.flips import CLASSES
from pann_hw.quantise import evaluate
from tests.benchmark_data import RESULT, small_network

BASE = AcceleratorConfig(lanes=4, cores=2, activation_words=2048, term_words=65536)


def test_every_image_runs_at_every_point(tmp_path: Path, rng: np.random.Generator) -> None:
    network = small_network(tmp_path, "resnet8", rng)
    result = measure(network, tmp_path, 2, BASE)
    assert [point.budget for point in result.points] == list(BUDGETS)
    assert (result.images, result.test_images) == (2, 40)
    budgets = (64, 42, 24, 16.5, 10)
    for point, budget in zip(result.points, budgets, strict=True):
        assert 0 < point.flips_per_mac <= budget
        assert point.mismatch is None
        assert point.cycles_predicted == point.cycles_counted and len(point.cycles_counted) == 2
        assert list(point.flips_counted) == list(CLASSES)
        assert point.flips_predicted == point.flips_counted
        assert 0 <= point.right <= 2
    # 8 bits against 2: nothing but the programs differs.
    assert (result.points[-1].flips < result.points[0].flips).all()
    assert [line for line in result.faults if "do not fall" not in line] == []
    assert json.loads(json.dumps(result.plain()))["points"][0]["budget"] == "8bit"


def test_outputs_that_differ_are_a_fault(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = small_network(tmp_path, "resnet8", rng)
    real = evaluate.outputs
    monkeypatch.setattr(operating_points_run, "outputs", lambda *given: real(*given) + 1)
    faults = measure(network, tmp_path, 1, BASE).faults
    assert [line.split(":")[0] for line in faults if "10 of 10 elements differ" in line] == [
        *BUDGETS
    ]


def faults(second: OperatingPoint) -> list[str]:
    """Of the result with another second point."""
    first, _, *others = RESULT.points
    return replace(RESULT, points=(first, second, *others)).faults


def test_a_good_result_has_no_faults() -> None:
    assert RESULT.faults == []


def test_each_fault_says_where_and_how_many() -> None:
    second = RESULT.points[1]
    changed = replace(second, mismatch="rtl: layer 'y'")
    assert faults(changed) == ["6bit: outputs: rtl: layer 'y'"]
    counted = second.cycles_counted[1]
    [fault] = faults(replace(second, cycles_predicted=[counted, 7]))
    assert fault == (
        f"6bit: cycles: 1 of 2 images differ; first image 1: predicted 7, counted {counted}"
    )
    counted = second.flips_counted["control"][0]
    [fault] = faults(replace(second, flips_predicted={**second.flips_predicted, "control": [3, 3]}))
    assert fault == (
        f"6bit: flips of class control: 2 of 2 images differ; first image 0: predicted 3, counted "
        f"{counted}"
    )


@pytest.mark.parametrize("more", [0, 1])
def test_flips_must_fall_in_every_image(more: int) -> None:
    first, second = RESULT.points[:2]
    operands = second.flips_counted["operand"]
    operands = [operands[0], operands[1] + int(first.flips[1] - second.flips[1]) + more]
    flips = {**second.flips_counted, "operand": operands}
    [fault] = faults(replace(second, flips_counted=flips, flips_predicted=flips))
    assert fault == (
        f"6bit: flips do not fall: image 1 has {first.flips[1] + more}, {first.flips[1]} at 8bit"
    )
