"""Every supported ONNX operator, in every form that opsets gave it, against onnxruntime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from pann_hw.network.graph import (
    Add,
    AveragePool,
    Clamp,
    Concatenate,
    Convolution,
    FloatGraph,
    MaxPool,
    Select,
)
from pann_hw.network.onnx_file import NEWEST
from pann_hw.network.onnx_import import import_onnx
from tests.networks import named
from tests.onnx_graphs import RUNTIME_OPSET, Sketch, check, run_onnxruntime

OPSETS = (7, 9, 11, 13, 17, 18, RUNTIME_OPSET)

Draw = Callable[[Sketch], object]


def conv(s: Sketch, x: str, channels: int, inputs: int, kernel: int = 3, **more: object) -> str:
    """A convolution with bias; ``pads`` and the like as attributes."""
    groups = more.get("group", 1)
    assert isinstance(groups, int)
    weight = s.floats(channels, inputs // groups, kernel, kernel, scale=0.3)
    return s("Conv", x, weight, s.floats(channels), **more)


def batch_norm(s: Sketch, x: str, channels: int) -> str:
    variance = s.rng.uniform(0.5, 2, channels).astype(np.float32)
    parts = (s.floats(channels), s.floats(channels), s.floats(channels))
    return s("BatchNormalization", x, *parts, variance, epsilon=1e-3)


def clip(s: Sketch, x: str, high: float) -> str:
    if s.opset < 11:
        return s("Clip", x, min=0.0, max=high)
    return s("Clip", x, np.array(0, np.float32), np.array(high, np.float32))


def pad(s: Sketch, x: str, *pads: int) -> str:
    """Zeros: before each axis, then after each."""
    inputs, attributes = s.axes("pads", list(pads), 11)
    return s("Pad", x, *inputs, **attributes)


def cut(s: Sketch, x: str, starts: list[int], ends: list[int], axes: list[int]) -> str:
    if s.opset < 10:
        return s("Slice", x, starts=starts, ends=ends, axes=axes)
    return s("Slice", x, *(np.array(values, np.int64) for values in (starts, ends, axes)))


def strided(s: Sketch, x: str) -> str:
    """Every second pixel, with a step where opsets have one, else by a 1 x 1 max pooling."""
    if s.opset < 10:
        return s("MaxPool", x, kernel_shape=[1, 1], strides=[2, 2])
    places = ([0, 0], [1 << 60, 1 << 60], [2, 3], [2, 2])
    return s("Slice", x, *(np.array(values, np.int64) for values in places))


def shape(s: Sketch, x: str, *sizes: int) -> str:
    return s("Reshape", x, np.array(sizes, np.int64))


def mean(s: Sketch, x: str, axes: list[int], keep: int = 0) -> str:
    inputs, attributes = s.axes("axes", axes, 18)
    return s("ReduceMean", x, *inputs, **attributes, keepdims=keep)


def convolutions(s: Sketch) -> None:
    x = conv(s, "x", 6, 3, 3, pads=[0, 0, 1, 1], strides=[2, 2])
    x = conv(s, x, 6, 6, 3, pads=[2, 1, 0, 1], group=3)
    x = conv(s, x, 6, 6, 2, auto_pad="SAME_UPPER", group=6)
    x = conv(s, x, 4, 6, 4, auto_pad="SAME_LOWER", strides=[1, 2])
    s("Conv", x, s.floats(2, 4, 2, 1), auto_pad="VALID")


def norms(s: Sketch) -> None:
    """First, before a padded convolution, after convolution, pooling and addition, on features."""
    x = batch_norm(s, conv(s, batch_norm(s, "x", 3), 4, 3, pads=[1] * 4), 4)
    x = conv(
        s, s("Relu", batch_norm(s, batch_norm(s, s("Relu", x), 4), 4)), 4, 4, group=2, pads=[1] * 4
    )
    y = batch_norm(s, s("Relu", x), 4)
    pooled = batch_norm(s, s("AveragePool", y, kernel_shape=[2, 2], strides=[2, 2]), 4)
    x = batch_norm(s, s("Add", conv(s, pooled, 4, 4, pads=[1] * 4), pooled), 4)
    x = batch_norm(s, s("Flatten", s("Relu", x)), 64)
    x = batch_norm(s, s("Gemm", x, s.floats(64, 5), s.floats(5)), 5)
    s("Relu", x)


def clips(s: Sketch) -> None:
    x = s("Relu", clip(s, conv(s, "x", 4, 3), 6.0))
    if s.opset >= 8:
        x = conv(s, s("Max", x, np.zeros((), np.float32)), 4, 4)
        x = s("Min", s("Max", np.zeros(1, np.float32), x), np.array([1.5], np.float32))
    if s.opset < 11:
        s("Clip", x, max=1.0)
    else:
        s("Clip", x, "", np.array(1, np.float32))


def pools(s: Sketch) -> None:
    x = conv(s, "x", 4, 3, pads=[1] * 4)
    x = s("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[0, 1, 1, 0])
    x = s("AveragePool", x, kernel_shape=[3, 2], pads=[1, 0, 1, 1], count_include_pad=1)
    if s.opset >= 10:
        x = s("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
    x = s("MaxPool", x, kernel_shape=[2, 2], auto_pad="SAME_UPPER")
    s("AveragePool", x, kernel_shape=[1, 2])


def global_pools(s: Sketch) -> None:
    x = conv(s, "x", 4, 3)
    parts = [s("GlobalAveragePool", x), s("GlobalMaxPool", x), mean(s, x, [2, 3], 1)]
    x = s("Concat", *parts, axis=1)
    inputs, attributes = s.axes("axes", [2, 3], 13)
    x = s("Squeeze", x, *inputs, **attributes)
    s("Gemm", x, s.floats(5, 12), s.floats(1, 5), transB=1, alpha=0.5, beta=2.0)


def means(s: Sketch) -> None:
    x = conv(s, "x", 4, 3)
    rows = mean(s, x, [3], 1)
    s("Add", mean(s, rows, [-2], 1), s("Conv", rows, s.floats(4, 4, 6, 1)))


def additions(s: Sketch) -> None:
    x = conv(s, "x", 4, 3, pads=[1] * 4)
    y = s("Sum", x, conv(s, "x", 4, 3, 1), s("Relu", x))
    y = s("Add", s.floats(4, 1, 1), s("Add", y, y))
    s("Add", y, np.zeros((1, 4, 1, 1), np.float32))


def constants(s: Sketch) -> None:
    """Arithmetic with constants before, between and after layers."""
    x = s("Div", s("Sub", "x", s.floats(1, 3, 1, 1)), np.array([0.3], np.float32))
    x = s("Mul", conv(s, x, 4, 3), s.floats(4, 1, 1))
    x = s("Sub", s.floats(1), s("Relu", x))
    x = s("Mul", s("Neg", conv(s, x, 2, 4)), np.array(2, np.float32))
    x = s("Add", s("MatMul", s("Flatten", x), s.floats(32, 5)), s.floats(5))
    s("Div", x, s.floats(1, 5))


def option_a(s: Sketch) -> None:
    """The shortcut of a ResNet without parameters."""
    x = s("Relu", conv(s, "x", 4, 3, pads=[1] * 4))
    y = conv(s, x, 8, 4, pads=[1] * 4, strides=[2, 2])
    short = pad(s, strided(s, x), 0, 2, 0, 0, 0, 2, 0, 0)
    s("Relu", s("Add", y, short))


def pads(s: Sketch) -> None:
    """Ahead of a convolution, of poolings after and without Relu, and left as it is."""
    x = s("Relu", conv(s, pad(s, "x", 0, 0, 0, 1, 0, 0, 2, 1), 4, 3, pads=[1] * 4))
    x = s("MaxPool", pad(s, x, 0, 0, 1, 1, 0, 0, 1, 1), kernel_shape=[3, 3], strides=[2, 2])
    x = pad(s, conv(s, x, 4, 4), 0, 0, 0, 1, 0, 0, 1, 0)
    x = s("MaxPool", x, kernel_shape=[2, 2])
    x = pad(s, x, 0, 0, 1, 0, 0, 0, 0, 1)
    x = s("AveragePool", x, kernel_shape=[2, 2], pads=[0, 0, 1, 1], count_include_pad=1)
    s("Relu", pad(s, batch_norm(s, x, 4), 0, 1, 1, 1, 0, 0, 1, 2))


def slices(s: Sketch) -> None:
    """Channels, rows and columns."""
    x = conv(s, "x", 6, 3)
    left = cut(s, x, [0], [4], [1])
    right = cut(s, x, [-3], [1 << 60], [1])
    x = s("Concat", s("Relu", left), s("Relu", right), axis=1)
    x = conv(s, cut(s, x, [1, 2], [5, -1], [2, 3]), 3, 7, 2)
    s("Relu", cut(s, x, [0, 1], [2, 3], [1, 2]))


def splits(s: Sketch) -> None:
    x = conv(s, "x", 6, 3)
    inputs, attributes = s.axes("split", [2, 4], 13)
    left = s("Split", x, *inputs, **attributes, axis=1, outputs=2)
    x = s("Concat", conv(s, left + "_1", 2, 4), cut(s, left, [1, 1], [5, 5], [2, 3]), axis=1)
    s("Gather", x, np.array([3, 0, 1], np.int64), axis=1)


def shuffle(s: Sketch) -> None:
    """ShuffleNet's order of channels."""
    x = shape(s, conv(s, "x", 6, 3), 0, 2, 3, 6, 6)
    x = shape(s, s("Transpose", x, perm=[0, 2, 1, 3, 4]), 0, -1, 6, 6)
    s("Relu", conv(s, x, 4, 6))


def concatenations(s: Sketch) -> None:
    """Of maps, of zeros, and of flattened maps."""
    x, y = conv(s, "x", 4, 3), conv(s, "x", 2, 3)
    zeros = np.zeros((1, 2, 6, 6), np.float32) if s.shape[0] == 1 else None  # type: ignore[index]
    z = s("Concat", x, y, x, axis=-3) if s.opset >= 11 else s("Concat", x, y, x, axis=1)
    if zeros is not None:
        z = s("Concat", zeros, z, axis=1)
    z = s("Concat", s("Flatten", s("Relu", z)), s("Flatten", y), axis=1)
    features = 36 * (14 if zeros is not None else 12)
    s("MatMul", z, s.floats(features, 3))


def flattening(s: Sketch) -> None:
    """Every way from a map to features, and from features to a map."""
    x = s("Relu", conv(s, "x", 4, 3))
    one = s("Gemm", s("Flatten", x), s.floats(144, 8), s.floats())
    two = s("MatMul", shape(s, x, -1, 144), s.floats(144, 8))
    three = s("MatMul", shape(s, s("Transpose", x, perm=[0, 2, 3, 1]), 0, 144), s.floats(144, 8))
    x = shape(s, s("Sum", one, two, three), 0, 8, 1, 1)
    x = conv(s, x, 3, 8, 1)
    inputs, attributes = s.axes("axes", [2], 13)
    x = s("Squeeze", x, *inputs, **attributes)
    inputs, attributes = s.axes("axes", [1], 13)
    s("Unsqueeze", x, *inputs, **attributes)


def computed_shapes(s: Sketch) -> None:
    """What exporters write for x.view(x.size(0), -1)."""
    x = conv(s, "x", 4, 3)
    batch = s("Gather", s("Shape", x), np.array(0, np.int64), axis=0)
    inputs, attributes = s.axes("axes", [0], 13)
    batch = s("Unsqueeze", batch, *inputs, **attributes)
    minus = s("Cast", s("Mul", np.array([-2.0], np.float32), np.array([0.5], np.float32)), to=7)
    x = s("Identity", s("Reshape", x, s("Concat", batch, minus, axis=0)))
    s("MatMul", s("Dropout", x), s("Transpose", s.floats(5, 144), perm=[1, 0]))


DRAWINGS: dict[str, tuple[Draw, tuple[int, ...]]] = {
    draw.__name__: (draw, (3, 8, 8))
    for draw in (
        *(convolutions, norms, clips, pools, global_pools, means, additions, constants),
        *(option_a, pads, slices, splits, shuffle, concatenations, flattening, computed_shapes),
    )
}


@pytest.mark.parametrize("batch", ["N", 1, 2])
@pytest.mark.parametrize("name", DRAWINGS)
def test_agrees_with_onnxruntime(name: str, batch: int | str, tmp_path: Path) -> None:
    draw, sizes = DRAWINGS[name]
    for opset in OPSETS:
        sketch = Sketch((batch, *sizes), opset)
        draw(sketch)
        check(sketch, tmp_path, batch=2)


@pytest.mark.parametrize("opset", [RUNTIME_OPSET + 1, NEWEST])
def test_opsets_newer_than_onnxruntime(opset: int, tmp_path: Path) -> None:
    """The same network in an opset that onnxruntime takes must give the same."""
    for name in ("norms", "option_a", "computed_shapes", "slices", "means"):
        draw, sizes = DRAWINGS[name]
        old, new = (Sketch(("N", *sizes), version) for version in (RUNTIME_OPSET, opset))
        draw(old)
        draw(new)
        onnx.save(new.model(), tmp_path / "new.onnx")
        graph = import_onnx(tmp_path / "new.onnx")
        other = check(old, tmp_path)
        x = torch.randn(2, *graph.input_shape, generator=torch.Generator().manual_seed(1))
        torch.testing.assert_close(graph.run(x), other.run(x))


def test_weights_among_the_inputs(tmp_path: Path) -> None:
    sketch = Sketch(("N", 3, 8, 8), 7)
    convolutions(sketch)
    expected = check(sketch, tmp_path)
    onnx.save(sketch.model(weights_as_inputs=True), tmp_path / "old.onnx")
    graph = import_onnx(tmp_path / "old.onnx")
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(graph.run(x), expected.run(x), rtol=0, atol=0)


def structure(graph: FloatGraph) -> list[str]:
    return [f"{type(node).__name__} {' '.join(node.inputs)}" for node in graph.nodes]


def test_folding(tmp_path: Path) -> None:
    """Ahead of a convolution only where it has no padding, and where nothing else reads."""
    sketch = Sketch(("N", 3, 8, 8))
    x = batch_norm(sketch, conv(sketch, batch_norm(sketch, "x", 3), 4, 3, pads=[1] * 4), 4)
    x = sketch("MaxPool", sketch("Mul", x, sketch.floats(1)), kernel_shape=[2, 2])
    sketch("Relu", sketch("Add", conv(sketch, batch_norm(sketch, x, 4), 5, 4), sketch.floats(1)))
    graph = check(sketch, tmp_path)
    assert structure(graph) == [
        "Convolution x",
        "Convolution BatchNormalization_0",
        "MaxPool Conv_1",
        "Convolution MaxPool_4",
        "Clamp Conv_6",
    ]
    assert graph.notes == (
        "BatchNormalization_2: batch normalisation folded into Conv_1",
        "Mul_3: factor folded into Conv_1",
        "Add_7: constant folded into Conv_6",
        "BatchNormalization_0: batch normalisation kept as a depthwise 1 x 1 convolution",
        "BatchNormalization_5: batch normalisation folded into Conv_6",
    )


def test_a_factor_alone_is_folded_ahead_of_padding(tmp_path: Path) -> None:
    sketch = Sketch(("N", 4, 8, 8))
    conv(sketch, sketch("Mul", "x", sketch.floats(4, 1, 1)), 6, 4, pads=[1] * 4, group=2)
    assert structure(check(sketch, tmp_path)) == ["Convolution x"]


def test_pads_become_padding(tmp_path: Path) -> None:
    sketch = Sketch(("N", 3, 8, 8))
    x = sketch("Relu", conv(sketch, pad(sketch, "x", 0, 0, 1, 2, 0, 0, 0, 1), 4, 3))
    sketch("MaxPool", pad(sketch, x, 0, 0, 1, 1, 0, 0, 1, 1), kernel_shape=[3, 3])
    graph = check(sketch, tmp_path)
    first, _, last = graph.nodes
    assert isinstance(first, Convolution)
    assert (first.padding, first.end_padding) == ((1, 2), (0, 1))
    assert isinstance(last, MaxPool)
    assert (last.padding, last.end_padding) == ((1, 1), None)


def test_option_a_shortcut_is_one_selection(tmp_path: Path) -> None:
    sketch = Sketch(("N", 3, 8, 8))
    option_a(sketch)
    graph = check(sketch, tmp_path)
    kinds = [type(node) for node in graph.nodes]
    assert kinds == [Convolution, Clamp, Convolution, Select, Add, Clamp]
    short = named(graph, "Pad_4")
    assert isinstance(short, Select)
    assert short.channels == (-1, -1, 0, 1, 2, 3, -1, -1)
    assert (short.origin, short.stride, short.size) == ((0, 0), (2, 2), (4, 4))


def test_one_selection_for_all_its_readers(tmp_path: Path) -> None:
    sketch = Sketch(("N", 3, 8, 8))
    x = cut(sketch, conv(sketch, "x", 4, 3), [1], [3], [1])
    sketch("Concat", conv(sketch, x, 2, 2, 1), sketch("Relu", x), x, axis=1)
    kinds = [type(node) for node in check(sketch, tmp_path).nodes]
    assert kinds == [Convolution, Select, Convolution, Clamp, Concatenate]


def tensorflow(s: Sketch, *, turned: bool = True) -> None:
    """(batch, H, W, C) throughout, each layer between two transpositions, as tf2onnx writes."""
    x = s("Div", s("Sub", "x", s.floats(3)), s.rng.uniform(1, 2, 3).astype(np.float32))
    x = pad(s, x, 0, 0, 0, 0, 0, 1, 1, 0)
    x = s("Transpose", conv(s, s("Transpose", x, perm=[0, 3, 1, 2]), 4, 3), perm=[0, 2, 3, 1])
    x = s("Relu", s("Add", x, s.floats(4)))
    y = s("Transpose", conv(s, s("Transpose", x, perm=[0, 3, 1, 2]), 2, 4, 1), perm=[0, 2, 3, 1])
    x = s("Concat", x, s("Mul", y, s.floats(1, 1, 1, 2)), axis=3)
    x = s("MatMul", x, s.floats(6, 4))
    if turned:
        return
    pooled = mean(s, x, [1, 2])
    flat = s("MatMul", shape(s, s("Relu", x), -1, 7 * 6 * 4), s.floats(168, 5))
    s("Add", s("MatMul", pooled, s.floats(4, 5)), flat)


def test_channels_last(tmp_path: Path) -> None:
    """The input becomes (C, H, W); outputs that are features stay in their order."""
    sketch = Sketch(("N", 8, 7, 3))
    tensorflow(sketch, turned=False)
    onnx.save(sketch.model(), tmp_path / "net.onnx")
    graph = import_onnx(tmp_path / "net.onnx")
    assert graph.input_shape == (3, 8, 7)
    assert "input x is ('batch', 8, 7, 3) in the file: data are to be ('n', 3, 8, 7)" in graph.notes
    assert not any(isinstance(node, Select) for node in graph.nodes)
    x = sketch.floats(2, 8, 7, 3)
    wanted = run_onnxruntime(sketch.model(), x)
    found = graph.run(torch.from_numpy(x.transpose(0, 3, 1, 2).copy())).numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def test_output_channels_last_is_said(tmp_path: Path) -> None:
    sketch = Sketch(("N", 8, 7, 3))
    tensorflow(sketch)
    onnx.save(sketch.model(), tmp_path / "net.onnx")
    graph = import_onnx(tmp_path / "net.onnx")
    assert graph.notes[-1] == (
        "output is ('batch', 7, 6, 4) in the file, its elements come in the order of "
        "('batch', 4, 7, 6)"
    )
    x = sketch.floats(2, 8, 7, 3)
    wanted = run_onnxruntime(sketch.model(), x).transpose(0, 3, 1, 2).reshape(2, -1)
    found = graph.run(torch.from_numpy(x.transpose(0, 3, 1, 2).copy())).numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("view", [(64,), (8, 8), (8, 8, 1)])
def test_an_image_in_another_shape(view: tuple[int, ...], tmp_path: Path) -> None:
    sketch = Sketch((1, *view))
    x = shape(sketch, sketch("Mul", "x", np.array(1 / 255, np.float32)), -1, 1, 8, 8)
    conv(sketch, sketch("Relu", x), 2, 1)
    assert check(sketch, tmp_path).input_shape == (1, 8, 8)


def test_softmax_and_dropout_are_dropped_and_said_so(tmp_path: Path) -> None:
    for opset, operator, axis in ((9, "Softmax", 1), (11, "LogSoftmax", 1), (17, "Softmax", -1)):
        sketch = Sketch(("N", 6), opset)
        x = sketch("MatMul", sketch("Dropout", "x"), sketch.floats(6, 4))
        sketch("Identity", sketch(operator, x, axis=axis))
        graph = check(sketch, tmp_path, outputs=False)
        kind = {"Softmax": "softmax", "LogSoftmax": "log_softmax"}[operator]
        assert graph.notes == (
            "1 dropout layer dropped",
            f"{kind} at the end dropped: outputs are the scores before it",
        )


def test_constants_per_pixel_join_the_layer_after_them(tmp_path: Path) -> None:
    sketch = Sketch(("N", 2, 3, 3))
    x = sketch("Add", sketch("Mul", "x", sketch.floats(2, 3, 3)), sketch.floats(1, 2, 3, 3))
    x = sketch("Transpose", pad(sketch, x, 0, 0, 1, 0, 0, 0, 0, 0), perm=[0, 2, 3, 1])
    sketch("MatMul", sketch("Flatten", x), sketch.floats(24, 5))
    assert structure(check(sketch, tmp_path)) == ["Convolution x"]


def test_functions_of_the_model_are_inlined(tmp_path: Path) -> None:
    sketch = Sketch(("N", 3, 8, 8))
    x = conv(sketch, "x", 4, 3)
    sketch("Twice", x, domain="local")
    model = sketch.model()
    body = [onnx.helper.make_node("Relu", ["a"], ["b"]), onnx.helper.make_node("Add", "bb", "c")]
    opset = onnx.helper.make_opsetid("", 17)
    twice = onnx.helper.make_function("local", "Twice", ["a"], ["c"], body, [opset])
    model.functions.append(twice)
    onnx.save(model, tmp_path / "net.onnx")
    graph = import_onnx(tmp_path / "net.onnx")
    kinds = [type(node) for node in graph.nodes]
    assert kinds == [Convolution, Clamp, Add]
    assert isinstance(graph.nodes[-1], Add)


def test_names_that_come_twice(tmp_path: Path) -> None:
    """Exporters name nodes as they like; values of the float graph have one name each."""
    sketch = Sketch(("N", 3, 8, 8))
    x = sketch("Conv", "x", sketch.floats(4, 3, 3, 3), name="x")
    inputs, attributes = sketch.axes("split", [1, 1, 2], 13)
    x = sketch("Split", x, *inputs, **attributes, axis=1, outputs=3, name="part")
    one = sketch("Relu", x, name="part_2")
    two = sketch("Neg", x + "_1", name="/part")
    sketch("Sum", one, two, sketch("Neg", x, name=""), name="/x")
    names = [node.name for node in check(sketch, tmp_path).nodes]
    assert names == ["x_2", "part", "part_2", "part_4", "part_3", "neg4", "x_3", "x_3_2"]


def test_means_are_poolings(tmp_path: Path) -> None:
    sketch = Sketch(("N", 3, 8, 6))
    sketch("Flatten", mean(sketch, conv(sketch, "x", 4, 3), [2, 3]))
    pool = check(sketch, tmp_path).nodes[-1]
    assert isinstance(pool, AveragePool)
    assert pool.kernel == (6, 4)


@pytest.mark.parametrize("operator", ["Conv", "MaxPool", "AveragePool"])
def test_windows_at_random(operator: str, rng: np.random.Generator, tmp_path: Path) -> None:
    """Padding of each kind and side, strides, sizes, rounding up; after a Pad or not."""
    for _ in range(30):
        opset = int(rng.choice(OPSETS[1:]))
        kernel, stride = rng.integers(1, 5, 2).tolist(), rng.integers(1, 4, 2)
        attributes: dict[str, object] = {"strides": np.minimum(stride, kernel).tolist()}
        automatic = str(rng.choice(["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]))
        if automatic == "NOTSET":
            attributes["pads"] = [int(rng.integers(0, size)) for size in (*kernel, *kernel)]
            if operator == "MaxPool" and opset >= 11:
                attributes["ceil_mode"] = int(rng.integers(0, 2))
        else:
            attributes["auto_pad"] = automatic
        if operator == "AveragePool":
            attributes["count_include_pad"] = 1
        sketch = Sketch(("N", 2, *rng.integers(5, 9, 2).tolist()), opset, rng)
        x = sketch("Relu", sketch("Mul", "x", np.array(2, np.float32)))
        if rng.random() < 0.5:
            x = pad(sketch, x, 0, 0, *rng.integers(0, 3, 2), 0, 0, *rng.integers(0, 3, 2))
        if operator == "Conv":
            sketch(operator, x, sketch.floats(3, 2, *kernel), **attributes)
        else:
            sketch(operator, x, kernel_shape=kernel, **attributes)
        check(sketch, tmp_path)
