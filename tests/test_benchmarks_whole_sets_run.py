"""Whole sets of small networks on one small accelerator, and what counts as a fault."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import whole_sets_run
from benchmarks.whole_sets_run import Result, measure
from pann_hw.config import AcceleratorConfig
from pann_hw.quantise import evaluate
from tests.benchmark_data import small_network

BASE = AcceleratorConfig(
    lanes=4, cores=2, activation_words=4096, term_words=16384, descriptor_words=4096
)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Two networks, of which the first is over both parts of its data; outputs of one are off."""
    folder, rng = tmp_path_factory.mktemp("networks"), np.random.default_rng(4)
    networks = [small_network(folder, name, rng) for name in ("dscnn", "resnet8")]
    other = small_network(folder, "resnet20", rng)

    def off(network: object, x: np.ndarray) -> np.ndarray:
        found = evaluate.outputs(network, x)  # type: ignore[arg-type]
        if len(x) == 40:
            found[[3, 5], 7] += 2
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PANN_HW_CACHE", str(folder / "kept"))
        patch.setattr(whole_sets_run, "outputs", off)
        result = measure(networks, [other], folder, toggles=3, base=BASE)
        assert os.environ["PANN_HW_CACHE"] == str(folder / "kept")
    # The simulator was built, but elsewhere.
    assert not (folder / "kept").exists()
    return result


def test_every_sample_runs_on_one_accelerator(measured: Result) -> None:
    keywords, images = measured.sets
    assert (keywords.network, images.network) == ("DS-CNN", "ResNet-8")
    # Calibration and test, and the test alone.
    assert (keywords.samples, images.samples) == (80, 40)
    assert (keywords.outputs, images.outputs) == (800, 400)
    assert keywords.mismatches == keywords.cycles_mismatched == images.cycles_mismatched == 0
    assert keywords.first is None
    for one in measured.sets:
        assert one.cycles > 0 and 0 <= one.accuracy <= 1
        assert one.per_second > 0
        assert one.counted_per_second is not None and one.counted_per_second > 0
    assert measured.config.lanes == 4 and measured.config.term_words < BASE.term_words


def test_steps_are_timed(measured: Result) -> None:
    assert list(measured.compile_seconds) == ["DS-CNN", "ResNet-8", "ResNet-20"]
    assert all(seconds > 0 for seconds in measured.compile_seconds.values())
    assert measured.build_seconds > 1 and measured.generate_seconds > 0


def test_outputs_that_differ_are_told(measured: Result) -> None:
    images = measured.sets[1]
    assert images.mismatches == 2 and images.first is not None
    [fault] = measured.faults
    assert fault.startswith("ResNet-8: rtl: layer ")
    assert "2 of 400 elements differ; first in image 3 at channel 7, row 0, column 0" in fault
    assert "expected" in fault and "found" in fault
    assert json.loads(json.dumps(measured.plain()))["faults"] == [fault]


def test_cycles_that_differ_are_told(measured: Result) -> None:
    keywords = measured.sets[0]
    result = replace(measured, sets=(replace(keywords, cycles_mismatched=4),))
    assert result.faults == [
        f"DS-CNN: 4 of 80 inferences did not take the {keywords.cycles} cycles predicted"
    ]
