"""What each ONNX operator means in the float graph.

Operators: https://onnx.ai/onnx/operators/
"""

from __future__ import annotations

import math

import numpy as np

from pann_hw.network.graph import Add, Clamp, Concatenate
from pann_hw.network.onnx_call import Call, Handler
from pann_hw.network.onnx_layers import batch_norm, convolution, gemm, matmul, scaled
from pann_hw.network.onnx_value import Value
from pann_hw.network.onnx_windows import (
    average_pool,
    global_average_pool,
    global_max_pool,
    max_pool,
    never_negative,
    reduce_mean,
)
from pann_hw.network.torch_call import UnsupportedError

__all__ = ["HANDLERS"]

_ONE, _ZERO = np.ones(()), np.zeros(())
_LIMITS = np.finfo(np.float32)


def _relu(call: Call) -> Value:
    return _clamped(call, 0, 0.0, math.inf)


def _clip(call: Call) -> Value:
    low, high = (call.option(name, index) for name, index in (("min", 1), ("max", 2)))
    least = -math.inf if low is None else _scalar(low)
    most = math.inf if high is None else _scalar(high)
    # Exporters write float32's own limits where there are none.
    return _clamped(
        call,
        0,
        -math.inf if least <= _LIMITS.min else least,
        math.inf if most >= _LIMITS.max else most,
    )


def _limited(lower: bool) -> Handler:
    """Max or Min with a constant."""

    def handle(call: Call) -> Value:
        values = [index for index, value in enumerate(call.inputs) if isinstance(value, Value)]
        if len(values) != 1 or len(call.inputs) != 2:
            raise UnsupportedError(f"of {len(call.inputs)} values", "use Relu, or Clip from 0")
        constant = call.constant(1 - values[0])
        limit = math.nan if constant is None else _scalar(constant)
        low, high = (limit, math.inf) if lower else (-math.inf, limit)
        return _clamped(call, values[0], low, high)

    return handle


def _clamped(call: Call, index: int, low: float, high: float) -> Value:
    source = call.elements(index)
    if low <= 0 and never_negative(call.builder, source.name):
        low = 0.0
    if low == 0 and high == math.inf and never_negative(call.builder, source.name):
        return source
    if low != 0 or not high > 0:
        raise UnsupportedError(f"clips to {low:g}..{high:g}", "use Relu, or Clip from 0")
    node = Clamp(call.name, (source.name,), None if high == math.inf else high)
    call.builder.add(node, source.shape)
    return Value(call.name, source.shape, source.view, source.order, call.name, source.entry)


def _scalar(constant: np.ndarray) -> float:
    if constant.size != 1:
        raise UnsupportedError(f"limits of shape {constant.shape}", "use one limit for all")
    return float(constant.ravel()[0])


def _add(call: Call) -> Value:
    if isinstance(call.inputs[0], Value) and isinstance(call.inputs[1], Value):
        return _sum_of(call, call.elements(0), call.elements(1))
    index = 0 if isinstance(call.inputs[0], Value) else 1
    return scaled(call, index, _ONE, _constant(call, 1 - index), "constant")


def _subtract(call: Call) -> Value:
    if isinstance(call.inputs[0], Value):
        return scaled(call, 0, _ONE, -_constant(call, 1), "constant")
    return scaled(call, 1, -_ONE, _constant(call, 0), "constant")


def _multiply(call: Call) -> Value:
    index = 0 if isinstance(call.inputs[0], Value) else 1
    return scaled(call, index, _constant(call, 1 - index), _ZERO, "factor")


def _divide(call: Call) -> Value:
    constant = _constant(call, 1)
    if not constant.all():
        raise UnsupportedError("divides by 0", "divide by constants other than 0")
    return scaled(call, 0, 1 / constant, _ZERO, "factor")


def _negate(call: Call) -> Value:
    return scaled(call, 0, -_ONE, _ZERO, "factor")


def _constant(call: Call, index: int) -> np.ndarray:
    value = call.inputs[index]
    if isinstance(value, Value):
        raise UnsupportedError(
            "both operands depend on the network's input",
            "use additions of values of one shape, and constant weights, only",
        )
    # In float64: the weights that it is folded into are rounded once.
    return call.weight(index).astype(np.float64)


def _sum(call: Call) -> Value:
    """Sum of any number of values, from left to right."""
    total = call.elements(0)
    for index in range(1, len(call.inputs)):
        step = Call(
            call.builder,
            call.name if index == 1 else call.builder.label(call.name),
            call.inputs,
            call.attributes,
            call.batch,
            call.opset,
        )
        total = _sum_of(step, total, call.elements(index))
    return total


def _sum_of(call: Call, first: Value, second: Value) -> Value:
    if first.view != second.view:
        raise UnsupportedError(
            f"adds {first.name} of shape {('batch', *first.view)} and {second.name} of shape "
            f"{('batch', *second.view)}",
            "add values of one shape only",
        )
    if first.shape != second.shape or not np.array_equal(first.elements, second.elements):
        pair = Call(call.builder, call.name, (first, second), {}, call.batch, call.opset)
        first, second = pair.map(0), pair.map(1)
    call.builder.add(Add(call.name, (first.name, second.name)), first.shape)
    entry = first.entry and second.entry
    return Value(call.name, first.shape, first.view, first.order, call.name, entry)


def _concatenate(call: Call) -> Value:
    """Channels one after another; parts that are constant zeros are channel padding."""
    axis = int(call.attributes["axis"])
    parts = [one for one in call.inputs if isinstance(one, Value)]
    rank = len(parts[0].view) + 1
    axis %= rank
    if axis == 0:
        raise UnsupportedError("concatenates samples", "concatenate channels (axis 1)")
    orders: list[np.ndarray] = []
    names: list[str] = []
    channels = 0
    height, width = parts[0].shape[1:]
    for index, one in enumerate(call.inputs):
        if not isinstance(one, Value):
            orders.append(_zeros(call, index))
            continue
        if len(parts) == 1:
            return call.plain(index).moved(_joined(call, axis - 1), call.name)
        value = call.elements(index)
        if value.shape[1:] != (height, width) or _within_pixels(value, axis - 1):
            raise UnsupportedError(
                f"concatenates axis {axis} of {value.label or value.name}, which is not that of "
                f"its channels",
                "concatenate channels (axis 1)",
            )
        places = value.elements
        orders.append(np.where(places > 0, places + channels * height * width, 0))
        names.append(value.name)
        channels += value.shape[0]
    order = np.concatenate(orders, axis - 1)
    shape = (channels, height, width)
    call.builder.add(Concatenate(call.name, tuple(names)), shape)
    return Value(call.name, shape, order.shape).moved(order, call.name)


def _joined(call: Call, axis: int) -> np.ndarray:
    """The order of one value with constant zeros beside it."""
    parts = [
        one.elements if isinstance(one, Value) else _zeros(call, index)
        for index, one in enumerate(call.inputs)
    ]
    return np.concatenate(parts, axis)


def _zeros(call: Call, index: int) -> np.ndarray:
    constant = call.weight(index)
    if constant.any() or not len(constant):
        raise UnsupportedError("concatenates constants", "concatenate values, or zeros")
    return np.zeros(constant.shape[1:], np.int64)


def _within_pixels(value: Value, axis: int) -> bool:
    """Whether an axis runs over the pixels of a channel, not over channels alone."""
    pixels = (value.elements - 1) % (value.shape[1] * value.shape[2])
    return bool((pixels != pixels.take([0], axis)).any()) and len(value.view) > 1


def _dropout(call: Call) -> Value:
    training = call.constant(2)
    if training is not None and training.any():
        raise UnsupportedError("training mode", "export in inference mode")
    return call.value(0)


def _cast(call: Call) -> Value:
    if call.attributes["to"] != 1:
        raise UnsupportedError(f"to type {call.attributes['to']}", "use float32 throughout")
    return call.value(0)


HANDLERS: dict[str, Handler] = {
    "Add": _add,
    "AveragePool": average_pool,
    "BatchNormalization": batch_norm,
    "Cast": _cast,
    "Clip": _clip,
    "Concat": _concatenate,
    "Conv": convolution,
    "Div": _divide,
    "Dropout": _dropout,
    "Gemm": gemm,
    "GlobalAveragePool": global_average_pool,
    "GlobalMaxPool": global_max_pool,
    "MatMul": matmul,
    "Max": _limited(lower=True),
    "MaxPool": max_pool,
    "Min": _limited(lower=False),
    "Mul": _multiply,
    "Neg": _negate,
    "ReduceMean": reduce_mean,
    "Relu": _relu,
    "Sub": _subtract,
    "Sum": _sum,
}
"""By operator of the ai.onnx domain; those that only move elements are in onnx_layout."""
