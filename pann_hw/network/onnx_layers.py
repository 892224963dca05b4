"""ONNX layers with weights: Conv, Gemm, MatMul, BatchNormalization and arithmetic with constants.

Operators: https://onnx.ai/onnx/operators/
"""

from __future__ import annotations

import math

import numpy as np

from pann_hw.network.batch_norm import Affine
from pann_hw.network.graph import Convolution
from pann_hw.network.onnx_call import Call
from pann_hw.network.onnx_value import Value, numbers
from pann_hw.network.onnx_windows import around, split_sides
from pann_hw.network.torch_call import UnsupportedError

__all__ = ["batch_norm", "convolution", "gemm", "matmul", "scaled"]


def convolution(call: Call) -> Value:
    """Conv; zeros that a Pad put around its input become its own padding."""
    weight, bias = call.weight(1), call.constant(2)
    if weight.ndim != 4:
        raise UnsupportedError(
            f"{weight.ndim - 2}-dimensional convolution", "use 2-dimensional kernels"
        )
    source, zeros = call.padded(0)
    groups = int(call.attributes.get("group", 1))
    if source.shape[0] != weight.shape[1] * groups:
        raise UnsupportedError(
            f"weights {weight.shape} in {groups} groups do not fit {source.shape[0]} channels",
            "export the network anew",
        )
    form, sides = around(call, source, zeros, (weight.shape[2], weight.shape[3]))
    padding, end_padding = split_sides(sides)
    node = Convolution(
        call.name,
        (source.name,),
        call.tensor(weight),
        call.tensor(np.zeros(len(weight)) if bias is None else call.weight(2)),
        form.stride,
        padding,
        groups,
        end_padding,
    )
    result = (len(weight), *form.size)
    call.builder.add(node, result)
    return Value(call.name, result, result)


def gemm(call: Call) -> Value:
    """``alpha * x @ w + beta * c`` with constant w and c."""
    if call.attributes.get("transA"):
        raise UnsupportedError("transA", "keep the batch as the first axis")
    weight = call.weight(1).astype(np.float64) * call.attributes.get("alpha", 1.0)
    weight = weight if call.attributes.get("transB") else weight.T
    bias = call.constant(2)
    bias = np.zeros(len(weight)) if bias is None else call.weight(2)
    bias = _features(call, np.asarray(bias) * call.attributes.get("beta", 1.0), (len(weight),))
    source = call.value(0)
    if len(source.view) != 1:
        raise UnsupportedError(
            f"reads {source.label or source.name} of shape {('batch', *source.view)}",
            "flatten to (batch, features) first",
        )
    return _linear(call, source, weight, bias, (len(weight),))


def matmul(call: Call) -> Value:
    """``x @ w``: a fully connected layer, or a 1 x 1 convolution of a map (batch, H, W, C)."""
    if not isinstance(call.inputs[0], Value) or isinstance(call.inputs[1], Value):
        raise UnsupportedError(
            "its second operand is not constant", "use constant weights, as second operand"
        )
    weight = call.weight(1)
    source = call.value(0)
    if weight.ndim > 2 and weight.size == weight.shape[-2] * weight.shape[-1]:
        weight = weight.reshape(weight.shape[-2:])
    if weight.ndim != 2 or not source.view or source.view[-1] != len(weight):
        raise UnsupportedError(
            f"multiplies {('batch', *source.view)} by {weight.shape}",
            "multiply (batch, features) by weights (features, outputs)",
        )
    rows, outputs = source.view[:-1], weight.shape[1]
    if math.prod(rows) == 1:
        return _linear(call, source, weight.T, np.zeros(outputs), (*rows, outputs))
    source = call.plain(0)
    # As (C, H, W); of (C, T) the pixels are those of the value that it came from.
    order = np.moveaxis(source.elements, -1, 0)
    size = rows if len(rows) == 2 else source.shape[1:]
    if math.prod(size) != math.prod(rows):
        size = (1, math.prod(rows))
    shape = (len(weight), size[0], size[1])
    turned = source.moved(order.reshape(shape), source.label)
    inner = Call(call.builder, call.name, (turned,), {}, call.batch, call.opset).map(0)
    node = Convolution(
        call.name,
        (inner.name,),
        call.tensor(weight.T[:, :, None, None]),
        call.tensor(np.zeros(outputs)),
    )
    result = (outputs, *shape[1:])
    call.builder.add(node, result)
    back = np.moveaxis(numbers(result).reshape(outputs, *rows), 0, -1)
    return Value(call.name, result, result).moved(back, call.name)


def batch_norm(call: Call) -> Value:
    """``gain * (x - mean) / sqrt(variance + epsilon) + offset``, each of shape (C,)."""
    attributes = call.attributes
    if attributes.get("training_mode"):
        raise UnsupportedError(
            "normalises by the batch's own statistics", "export in inference mode"
        )
    if not attributes.get("spatial", 1):
        raise UnsupportedError("spatial = 0", "normalise each channel as a whole")
    view = call.value(0).view
    gain, offset, mean, variance = (call.weight(index).astype(np.float64) for index in range(1, 5))
    scale = gain / np.sqrt(variance + attributes.get("epsilon", 1e-5))
    along = (1, -1, *(1,) * (len(view) - 1))
    return scaled(
        call,
        0,
        scale.reshape(along),
        (offset - mean * scale).reshape(along),
        "batch normalisation",
    )


def scaled(call: Call, index: int, gain: np.ndarray, offset: np.ndarray, what: str) -> Value:
    """``gain * x + offset`` with constants that broadcast to the input's shape.

    One constant per channel makes a depthwise 1 x 1 convolution, which may be folded into another.
    One per pixel waits for the fully connected layer that takes it in.
    """
    value = call.value(index)
    full = tuple(_features(call, constant, value.view) for constant in (gain, offset))
    if (full[0] == 1).all() and (full[1] == 0).all():
        return value
    if value.pending is None:
        value = call.elements(index)
    elif not value.whole:
        value = call.plain(index)
    size = math.prod(value.shape)
    factor, shift = np.empty(size), np.empty(size)
    factor[value.elements.ravel() - 1] = full[0].ravel()
    shift[value.elements.ravel() - 1] = full[1].ravel()
    factor, shift = factor.reshape(value.shape), shift.reshape(value.shape)
    uniform = all((one == one[:, :1, :1]).all() for one in (factor, shift))
    if value.pending is None and uniform:
        weight = call.tensor(factor[:, :1, :1]).reshape(-1, 1, 1, 1)
        bias = call.tensor(shift[:, 0, 0])
        node = Affine(call.name, (value.name,), weight, bias, groups=len(weight), what=what)
        call.builder.add(node, value.shape)
        return Value(call.name, value.shape, value.view, value.order, entry=value.entry)
    before = value.pending or (np.ones(value.shape), np.zeros(value.shape))
    return Value(
        value.name,
        value.shape,
        value.view,
        value.order,
        call.name,
        value.entry,
        (before[0] * factor, before[1] * factor + shift),
    )


def _features(call: Call, constant: np.ndarray, view: tuple[int, ...]) -> np.ndarray:
    """A constant as float64 of a view's shape, the same for every sample."""
    try:
        full = np.broadcast_to(constant.astype(np.float64), (call.batch, *view))
    except ValueError:
        raise UnsupportedError(
            f"constant of shape {constant.shape} for values of shape {('batch', *view)}",
            "use constants that broadcast to the value's shape",
        ) from None
    if not (full == full[:1]).all():
        raise UnsupportedError("a constant differs from sample to sample", "use one for all")
    result: np.ndarray = full[0]
    return result


def _linear(
    call: Call, source: Value, weight: np.ndarray, bias: np.ndarray, view: tuple[int, ...]
) -> Value:
    """A convolution whose kernel covers the map, for weights (outputs, features of the view)."""
    if weight.shape[1] != math.prod(source.view):
        raise UnsupportedError(
            f"weights for {weight.shape[1]} features read {('batch', *source.view)}",
            "export the network anew",
        )
    kernel = weight
    if source.order is not None:
        # Place 0 is where constant zeros go; an element that comes twice has its weights added.
        kernel = np.zeros((len(weight), math.prod(source.shape) + 1))
        np.add.at(kernel.T, source.order.ravel(), weight.T)
        kernel = kernel[:, 1:]
    kernel = kernel.reshape(len(weight), *source.shape)
    if source.pending is not None:
        gain, offset = source.pending
        # Zeros that a Pad added are zeros after the scaling too: their places have no weight.
        bias = bias + (kernel * offset).sum((1, 2, 3))
        kernel = kernel * gain
    node = Convolution(call.name, (source.name,), call.tensor(kernel), call.tensor(bias))
    shape = (len(weight), 1, 1)
    call.builder.add(node, shape)
    return Value(call.name, shape, view)
