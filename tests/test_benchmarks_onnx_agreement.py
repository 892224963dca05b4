"""onnxruntime's outputs, whatever batch and shape a file has, and the measure of a difference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from benchmarks.onnx_agreement import difference, runtime_outputs
from pann_hw.network.onnx_import import import_onnx
from pann_hw.quantise.quality import float_outputs
from tests.onnx_graphs import Sketch


@pytest.mark.parametrize("batch", [1, 3, None])
def test_outputs_in_the_files_batches(
    batch: int | None, tmp_path: Path, rng: np.random.Generator
) -> None:
    sketch = Sketch((batch, 6), rng=rng)
    sketch("Relu", sketch("Gemm", "x", sketch.floats(6, 4), sketch.floats(4)))
    path = tmp_path / "net.onnx"
    onnx.save(sketch.model(), path)
    x = rng.standard_normal((300, 6, 1, 1)).astype(np.float32)
    weight, bias = (onnx.numpy_helper.to_array(one) for one in sketch.weights)
    wanted = np.maximum(x[:, :, 0, 0] @ weight + bias, 0)
    np.testing.assert_allclose(runtime_outputs(path, x), wanted, rtol=1e-4, atol=1e-5)
    assert difference(float_outputs(import_onnx(path), x), runtime_outputs(path, x)) < 1e-6


def test_difference_is_relative_to_the_largest_output() -> None:
    wanted = np.array([[1.0, -4.0], [0.0, 2.0]])
    found = np.array([1.0, -4.0, 0.5, 1.9]).reshape(2, 2, 1)
    assert difference(found, wanted) == 0.125
    assert difference(wanted, wanted) == 0
