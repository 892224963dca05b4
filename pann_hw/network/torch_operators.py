"""What each ATen operator of an exported program means in the float graph.

Operators and arguments: https://docs.pytorch.org/docs/stable/torch.compiler_ir.html
"""

from __future__ import annotations

import math

import torch

from pann_hw.network.graph import Add, AveragePool, Clamp, Concatenate, MaxPool, Shape
from pann_hw.network.torch_call import Call, Handler, Pair, Result, UnsupportedError, Value, pair
from pann_hw.network.torch_layers import batch_norm, convolution, linear

__all__ = ["HANDLERS"]


def _clamp(low_key: str | None, high_key: str | None, high: float | None = None) -> Handler:
    def handle(call: Call) -> Result:
        source = call.value("self")
        low = call.arguments[low_key] if low_key else 0
        maximum = call.arguments[high_key] if high_key else high
        if any(isinstance(limit, torch.Tensor | Value) for limit in (low, maximum)):
            raise UnsupportedError("clamp to a tensor", "clamp to 0..maximum, or use ReLU")
        limit = math.inf if maximum is None else float(maximum)
        if low != 0 or limit <= 0:
            raise UnsupportedError(
                f"clamp to {low}..{maximum}",
                "clamp to 0..maximum with a maximum above 0, or use ReLU",
            )
        node = Clamp(call.name, (source.name,), None if limit == math.inf else limit)
        return node, source.shape

    return handle


def _pool(kind: type[MaxPool] | type[AveragePool]) -> Handler:
    def handle(call: Call) -> Result:
        source, kernel = call.map("self"), pair(call.arguments["kernel_size"])
        stride, padding = pair(call.arguments["stride"] or kernel), pair(call.arguments["padding"])
        if pair(call.arguments.get("dilation", 1)) != (1, 1):
            raise UnsupportedError("dilation other than 1", "use dilation 1")
        if call.arguments.get("divisor_override") is not None:
            raise UnsupportedError("divisor_override", "leave it out")
        if padding != (0, 0) and not call.arguments.get("count_include_pad", True):
            raise UnsupportedError(
                f"count_include_pad=False with padding {padding}",
                "use count_include_pad=True or padding 0",
            )
        shape = call.output_map()
        size = tuple(
            (source.shape[axis + 1] + 2 * padding[axis] - kernel[axis]) // stride[axis] + 1
            for axis in (0, 1)
        )
        if shape[1:] != size:
            raise UnsupportedError(
                f"ceil_mode makes {shape[1:]} of {size} windows", "use ceil_mode=False"
            )
        return _pooled(kind, call, source, kernel, stride, padding, shape)

    return handle


def _pooled(
    kind: type[MaxPool] | type[AveragePool],
    call: Call,
    source: Value,
    kernel: Pair,
    stride: Pair,
    padding: Pair,
    shape: Shape,
) -> Result:
    if kernel == stride == (1, 1) and padding == (0, 0):
        return Value(source.name, source.shape, call.view)
    return kind(call.name, (source.name,), kernel, stride, padding), shape


def _adaptive_average(call: Call) -> Result:
    source, shape = call.map("self"), call.output_map()
    if source.shape[1] % shape[1] or source.shape[2] % shape[2]:
        raise UnsupportedError(
            f"output {shape[1:]} does not divide the map {source.shape[1:]}",
            "use AdaptiveAvgPool2d(1) or a size that divides the map",
        )
    kernel = (source.shape[1] // shape[1], source.shape[2] // shape[2])
    return _pooled(AveragePool, call, source, kernel, kernel, (0, 0), shape)


def _mean(call: Call) -> Result:
    source = call.map("self")
    axes = {axis % (len(source.view) + 1) for axis in call.arguments.get("dim") or ()}
    if axes != {2, 3} or len(source.view) != 3:
        raise UnsupportedError(
            f"mean over axes {sorted(axes) or 'all'}", "take the mean over both spatial axes (2, 3)"
        )
    kernel = source.shape[1:]
    return _pooled(AveragePool, call, source, kernel, kernel, (0, 0), (source.shape[0], 1, 1))


def _add(call: Call) -> Result:
    other = call.arguments["other"]
    if call.arguments.get("alpha", 1) != 1:
        raise UnsupportedError(f"alpha {call.arguments['alpha']}", "use alpha 1")
    if not isinstance(other, torch.Tensor | Value) and other == 0:
        return call.value("self")
    if not isinstance(other, Value) or not isinstance(call.arguments["self"], Value):
        raise UnsupportedError(
            "adds a constant", "put it into the bias of a convolution or linear layer"
        )
    first = call.value("self")
    for a, b in ((first.shape, other.shape), (first.view, other.view)):
        if a != b:
            raise UnsupportedError(
                f"adds {first.name} of shape {a} and {other.name} of shape {b}",
                "add values of one shape only",
            )
    return Add(call.name, (first.name, other.name)), first.shape


def _concatenate(call: Call) -> Result:
    parts = [
        Call(call.name, {"part": part}, call.view).map("part") for part in call.arguments["tensors"]
    ]
    axis = call.arguments["dim"] % (len(parts[0].view) + 1)
    if axis != 1:
        raise UnsupportedError(f"concatenates along axis {axis}", "concatenate channels (axis 1)")
    if len(parts) == 1:
        return parts[0]
    channels = sum(part.shape[0] for part in parts)
    node = Concatenate(call.name, tuple(part.name for part in parts))
    return node, (channels, *parts[0].shape[1:])


def _reshape(call: Call) -> Result:
    source = call.value("self")
    features = math.prod(source.shape)
    kept = [size for size in source.shape if size != 1]
    if [size for size in call.view if size != 1] not in (
        kept,
        [features] if features != 1 else [],
    ):
        raise UnsupportedError(
            f"reshapes {source.name} of shape {source.shape} to {call.view}",
            "only flatten to (batch, features)",
        )
    return Value(source.name, source.shape, call.view)


def _identity(key: str) -> Handler:
    return lambda call: call.value(key)


HANDLERS: dict[str, Handler] = {
    "conv2d": convolution,
    "convolution": convolution,
    "linear": linear("input", "weight", "bias", transposed=False),
    "addmm": linear("mat1", "mat2", "self", transposed=True),
    "mm": linear("self", "mat2", None, transposed=True),
    "matmul": linear("self", "other", None, transposed=True),
    "batch_norm": batch_norm,
    "_native_batch_norm_legit_no_training": batch_norm,
    "relu": _clamp(None, None),
    "relu6": _clamp(None, None, 6.0),
    "hardtanh": _clamp("min_val", "max_val"),
    "clamp": _clamp("min", "max"),
    "clip": _clamp("min", "max"),
    "clamp_min": _clamp("min", None),
    "max_pool2d": _pool(MaxPool),
    "max_pool2d_with_indices": _pool(MaxPool),
    "avg_pool2d": _pool(AveragePool),
    "adaptive_avg_pool2d": _adaptive_average,
    "_adaptive_avg_pool2d": _adaptive_average,
    "mean": _mean,
    "add": _add,
    **dict.fromkeys(("cat", "concat", "concatenate"), _concatenate),
    **dict.fromkeys(
        ("flatten", "view", "reshape", "_unsafe_view", "squeeze", "unsqueeze"), _reshape
    ),
    **dict.fromkeys(
        ("clone", "alias", "detach", "contiguous", "lift_fresh_copy", "to", "_to_copy"),
        _identity("self"),
    ),
    **dict.fromkeys(
        ("dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout"),
        _identity("input"),
    ),
}
"""By ATen name, without overload."""
