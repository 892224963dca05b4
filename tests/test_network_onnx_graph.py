"""What an ONNX import refuses: one error in one line that names every node."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from pann_hw.errors import InputError
from pann_hw.network.onnx_import import import_onnx
from pann_hw.network.onnx_operators import HANDLERS
from tests.onnx_graphs import Sketch


def refused(sketch: Sketch, folder: Path, *outputs: str) -> str:
    path = folder / "net.onnx"
    onnx.save(sketch.model(*outputs), path)
    with pytest.raises(InputError) as caught:
        import_onnx(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def test_one_error_lists_every_unsupported_node(tmp_path: Path) -> None:
    s = Sketch(("N", 2, 16, 16), 20)
    x = s("Gelu", s("Conv", "x", s.floats(4, 2, 3, 3), dilations=[2, 2], name="first"), name="act")
    x = s("Conv", x, s.floats(4, 4, 3, 3), name="good")
    x = s("Sigmoid", s("Conv", x, s.floats(4, 4, 3, 3), group=3, name="groups"))
    x = s("Transpose", s("Mul", x, x, name="squared"), perm=[1, 0, 2, 3], name="turn")
    s("Relu", s("Upsampling", x, domain="vendor", name=""))
    message = refused(s, tmp_path)
    assert message.startswith("network has 7 unsupported operations: ")
    found = [item.partition("): ")[0] for item in message.partition(": ")[2].split("; ")]
    assert found == [
        "first (Conv, dilations (2, 2)",
        "act (Gelu",
        "groups (Conv, weights (4, 4, 3, 3) in 3 groups do not fit 4 channels",
        "/Sigmoid_4 (Sigmoid",
        "squared (Mul, both operands depend on the network's input",
        "turn (Transpose, mixes samples",
        "upsampling7 (vendor::Upsampling",
    ]
    assert "act (Gelu): use Relu, or Clip from 0; " in message
    assert message.endswith("): export with operators of the ai.onnx domain only")


def test_nodes_that_the_output_does_not_need_are_left_out(tmp_path: Path) -> None:
    s = Sketch(("N", 2, 4, 4))
    x = s("Conv", "x", s.floats(4, 2, 3, 3))
    s("Gelu", x)
    onnx.save(s.model(x), tmp_path / "net.onnx")
    assert len(import_onnx(tmp_path / "net.onnx").nodes) == 1


SINGLE: dict[str, tuple[Callable[[Sketch, str], str], str]] = {
    "add broadcast": (
        lambda s, x: s("Add", x, s("GlobalAveragePool", x)),
        "add values of one shape only",
    ),
    "average, edge": (
        lambda s, x: s("AveragePool", x, kernel_shape=[3, 3], pads=[1] * 4),
        "padding (1, 1, 1, 1) with count_include_pad = 0: the means at the edge are of fewer",
    ),
    "cast": (lambda s, x: s("Cast", x, to=11), "use float32 throughout"),
    "clip": (
        lambda s, x: s("Clip", x, np.array(-1, np.float32)),
        "clips to -1..inf): use Relu, or Clip from 0",
    ),
    "clip, computed": (lambda s, x: s("Clip", x, x), "use constants"),
    "concat pixels": (lambda s, x: s("Concat", x, x, axis=2), "concatenate channels (axis 1)"),
    "concat constants": (
        lambda s, x: s("Concat", x, np.ones((1, 1, 6, 6), np.float32), axis=1),
        "concatenates constants): concatenate values, or zeros",
    ),
    "constant per pixel": (
        lambda s, x: s("Conv", s("Add", x, s.floats(6, 6)), s.floats(2, 4, 1, 1)),
        "scales each pixel by its own constant",
    ),
    "convolution, 1-dimensional": (
        lambda s, x: s("Conv", s("Reshape", x, np.array([0, 4, 36])), s.floats(2, 4, 3)),
        "use 2-dimensional kernels",
    ),
    "dequantise": (
        lambda s, x: s("QuantizeLinear", x, np.array(1, np.float32)),
        "give the float network, before quantisation",
    ),
    "divide": (lambda s, x: s("Div", s.floats(4, 1, 1), x), "constant weights, only"),
    "divide by 0": (lambda s, x: s("Div", x, np.zeros(1, np.float32)), "divides by 0"),
    "dropout in training": (
        lambda s, x: s("Dropout", x, np.array(0.5, np.float32), np.array(True)),
        "export in inference mode",
    ),
    "gemm of a map": (lambda s, x: s("Gemm", x, s.floats(6, 2)), "flatten to (batch, features)"),
    "indices": (
        lambda s, x: s("MaxPool", x, kernel_shape=[2, 2], outputs=2) + "_1",
        "use its first output only",
    ),
    "loop": (
        lambda s, x: s("If", np.array(True), then_branch=_branch(x), else_branch=_branch(x)),
        "(If): unroll it, without control flow",
    ),
    "matmul": (lambda s, x: s("MatMul", x, x), "use constant weights, as second operand"),
    "mean of channels": (
        lambda s, x: s("ReduceMean", x, axes=[1]),
        "take the mean over space, axes (2, 3)",
    ),
    "norm in training": (
        lambda s, x: s(
            "BatchNormalization", x, *(np.ones(4, np.float32),) * 4, training_mode=1, outputs=3
        ),
        "export in inference mode",
    ),
    "pad, edge": (lambda s, x: s("Pad", x, np.ones(8, np.int64), mode="edge"), "constant zeros"),
    "pad, ones": (
        lambda s, x: s("Pad", x, np.array([0, 0, 1, 1] * 2), np.array(1, np.float32)),
        "pads by constant with 1): pad with constant zeros",
    ),
    "pixels shuffled": (
        lambda s, x: s("Relu", s("Reshape", x, np.array([0, 1, 12, 12]))),
        "",
    ),
    "random": (lambda s, x: s("Add", x, s("RandomNormal", shape=[1])), "no random numbers"),
    "softmax inside": (
        lambda s, x: s("Gemm", s("Softmax", s("Flatten", x)), s.floats(144, 2)),
        "use it only as the last operation",
    ),
    "softmax of a map": (lambda s, x: s("Softmax", x, axis=1), "over classes, shape (batch"),
    "weights computed": (
        lambda s, x: s("Conv", x, s("Slice", x, *(np.array([n]) for n in (0, 3, 2)))),
        "input 1 depends on the network's input): use constants",
    ),
    "weights in float64": (
        lambda s, x: s("Add", x, s("Cast", s.floats(1), to=11)),
        "is float64): use float32",
    ),
}


def _branch(name: str) -> onnx.GraphProto:
    out = onnx.helper.make_tensor_value_info("inner", 1, ["N", 4, 6, 6])
    node = onnx.helper.make_node("Identity", [name], ["inner"])
    return onnx.helper.make_graph([node], "branch", [], [out])


@pytest.mark.parametrize("name", SINGLE)
def test_unsupported(name: str, tmp_path: Path) -> None:
    draw, message = SINGLE[name]
    s = Sketch((2, 2, 8, 8))
    output = draw(s, s("Conv", "x", s.floats(4, 2, 3, 3)))
    if not message:
        # Elementwise operators do not ask for the order of pixels.
        onnx.save(s.model(output), tmp_path / "net.onnx")
        import_onnx(tmp_path / "net.onnx")
        return
    assert message in refused(s, tmp_path, output)


def test_rearranged_pixels_are_refused_where_they_are_read(tmp_path: Path) -> None:
    s = Sketch(("N", 2, 8, 8))
    x = s("Conv", "x", s.floats(4, 2, 3, 3))
    x = s("Reshape", x, np.array([0, 1, 12, 12]), name="square")
    s("Conv", s("Relu", x), s.floats(4, 1, 3, 3), name="reader")
    message = refused(s, tmp_path)
    assert message.startswith("network has 1 unsupported operation: reader (Conv, reads ")
    assert "whose elements are in no order of a map): reshape and transpose only" in message


def test_a_network_must_do_something(tmp_path: Path) -> None:
    s = Sketch(("N", 2))
    s("Identity", "x")
    assert "at least one convolution or linear layer" in refused(s, tmp_path)
    s = Sketch(("N", 2, 3, 4, 5))
    s("Relu", "x")
    assert "must be (batch, C, H, W) or (batch, F)" in refused(s, tmp_path)


def test_wrong_translation_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(HANDLERS, "Relu", lambda call: call.value(0))
    s = Sketch(("N", 2, 8, 8))
    s("Relu", s("Conv", "x", s.floats(4, 2, 3, 3)))
    assert "differs from onnxruntime by" in refused(s, tmp_path)
