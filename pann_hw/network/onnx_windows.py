"""Window operators of ONNX: padding and output size, and the poolings."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pann_hw.network.graph import Add, AveragePool, Clamp, Concatenate, MaxPool, Select
from pann_hw.network.onnx_call import Builder, Call, Sides
from pann_hw.network.onnx_value import Value, numbers
from pann_hw.network.torch_call import Pair, UnsupportedError

__all__ = [
    "around",
    "average_pool",
    "global_average_pool",
    "global_max_pool",
    "max_pool",
    "never_negative",
    "reduce_mean",
    "split_sides",
]


@dataclass(frozen=True)
class Window:
    """What a window operator does along both axes.

    Attributes
    ----------
    kernel, stride : (vertical, horizontal)
    sides : padding; below and to the right of the last windows, whatever the file says
    declared : padding below and to the right as the file says
    size : of the output
    """

    kernel: Pair
    stride: Pair
    sides: Sides
    declared: Pair
    size: Pair


def around(call: Call, source: Value, zeros: Sides, kernel: Pair) -> tuple[Window, Sides]:
    """The windows on a map with zeros around it, and the padding with these zeros."""
    _, height, width = source.shape
    form = _window(call, (height + zeros[0] + zeros[2], width + zeros[1] + zeros[3]), kernel)
    above, left, below, right = (a + b for a, b in zip(form.sides, zeros, strict=True))
    return form, (above, left, below, right)


def _window(call: Call, size: Pair, kernel: Pair) -> Window:
    """The windows of Conv, MaxPool or AveragePool on a map of ``size`` pixels."""
    stride = _pair(call, "strides", 1)
    dilations = _pair(call, "dilations", 1)
    if dilations != (1, 1):
        raise UnsupportedError(f"dilations {dilations}", "use dilation 1, with a larger kernel")
    automatic = call.attributes.get("auto_pad", "NOTSET") or "NOTSET"
    ceil = bool(call.attributes.get("ceil_mode", 0))
    sides: list[int] = list(call.attributes.get("pads", (0, 0, 0, 0)))
    if len(sides) != 4:
        raise UnsupportedError(f"pads {sides}", "use 2-dimensional windows")
    counts = [0, 0]
    declared = (sides[2], sides[3])
    for axis in (0, 1):
        k, s, n = kernel[axis], stride[axis], size[axis]
        if automatic.startswith("SAME"):
            counts[axis] = -(-n // s)
            total = max((counts[axis] - 1) * s + k - n, 0)
            less, more = total // 2, total - total // 2
            upper = automatic == "SAME_UPPER"
            sides[axis], sides[axis + 2] = (less, more) if upper else (more, less)
            continue
        if automatic == "VALID":
            sides[axis] = sides[axis + 2] = 0
        room = n + sides[axis] + sides[axis + 2] - k
        counts[axis] = (-(-room // s) if ceil else room // s) + 1
        # A window that would begin beyond the map and the padding before it does not count.
        if ceil and (counts[axis] - 1) * s >= n + sides[axis]:
            counts[axis] -= 1
        if ceil:
            sides[axis + 2] = (counts[axis] - 1) * s + k - n - sides[axis]
    if automatic != "NOTSET":
        declared = (sides[2], sides[3])
    if min(counts) < 1:
        raise UnsupportedError(f"kernel {kernel} on a map of {size}", "use a smaller kernel")
    return Window(
        kernel,
        stride,
        (sides[0], sides[1], sides[2], sides[3]),
        declared,
        (counts[0], counts[1]),
    )


def split_sides(sides: Sides) -> tuple[Pair, Pair | None]:
    """Padding and end padding of a node of the float graph."""
    padding, end = (sides[0], sides[1]), (sides[2], sides[3])
    return padding, None if end == padding else end


def max_pool(call: Call) -> Value:
    """MaxPool; zeros around values that are never negative become padding that never wins."""
    kernel = _pair(call, "kernel_shape")
    source, zeros = call.padded(0)
    form, sides = around(call, source, zeros, kernel)
    too_wide = any(side >= kernel[index % 2] for index, side in enumerate(sides))
    if any(zeros) and (too_wide or not never_negative(call.builder, source.name)):
        source = call.map(0)
        form, sides = around(call, source, (0, 0, 0, 0), kernel)
        too_wide = any(side >= kernel[index % 2] for index, side in enumerate(sides))
    if too_wide:
        raise UnsupportedError(
            f"padding {sides} of kernel {kernel}", "use padding below the kernel's size"
        )
    node = MaxPool(call.name, (source.name,), kernel, form.stride, *split_sides(sides))
    return _pooled(call, source, node, form.size)


def average_pool(call: Call) -> Value:
    """AveragePool, where all its windows have the same number of pixels."""
    counted = bool(call.attributes.get("count_include_pad", 0))
    source, zeros = call.padded(0)
    if any(zeros) and not counted:
        source, zeros = call.map(0), (0, 0, 0, 0)
    form, _ = around(call, source, zeros, _pair(call, "kernel_shape"))
    kernel, sides = list(form.kernel), list(form.sides)
    for axis in (0, 1):
        size = source.shape[axis + 1] + zeros[axis] + zeros[axis + 2]
        first, free = sides[axis], form.declared[axis] if counted else 0
        reached = (form.size[axis] - 1) * form.stride[axis] + kernel[axis] - first - size
        if reached <= free and (counted or first == 0):
            continue
        if form.size[axis] > 1:
            raise UnsupportedError(
                f"padding {form.sides} with count_include_pad = {int(counted)}: the means at the "
                f"edge are of fewer pixels",
                "use count_include_pad = 1 without ceil_mode, or no padding",
            )
        # One window alone: its mean is that of the pixels that count.
        begin = first if counted else 0
        kernel[axis] = min(size + begin + free, kernel[axis] - first + begin)
        sides[axis], sides[axis + 2] = begin, kernel[axis] - begin - size
    above, left, below, right = (a + b for a, b in zip(sides, zeros, strict=True))
    node = AveragePool(
        call.name,
        (source.name,),
        (kernel[0], kernel[1]),
        form.stride,
        *split_sides((above, left, below, right)),
    )
    return _pooled(call, source, node, form.size)


def global_average_pool(call: Call) -> Value:
    """The mean of each channel."""
    source = call.map(0)
    kernel = source.shape[1:]
    return _pooled(call, source, AveragePool(call.name, (source.name,), kernel, kernel), (1, 1))


def global_max_pool(call: Call) -> Value:
    """The maximum of each channel."""
    source = call.map(0)
    kernel = source.shape[1:]
    return _pooled(call, source, MaxPool(call.name, (source.name,), kernel, kernel), (1, 1))


def reduce_mean(call: Call) -> Value:
    """The mean over rows, columns or both, in whatever order the file has the axes."""
    source = call.elements(0)
    rank = len(source.view) + 1
    given = call.option("axes", 1)
    if given is None or not given.size:
        if call.attributes.get("noop_with_empty_axes") and given is not None:
            return source
        given = np.arange(rank)
    axes = sorted({int(axis) % rank for axis in given.ravel()})
    order, (_, height, width) = source.elements, source.shape
    moved = [axis - 1 for axis in axes if axis]
    kept = tuple(order.shape[axis] for axis in range(rank - 1) if axis not in moved)
    groups = np.moveaxis(order, moved, list(range(-len(moved), 0))).reshape(*kept, -1)
    for kernel in ((height, width), (height, 1), (1, width)):
        means = _means(groups, source.shape, kernel) if 0 not in axes else None
        if means is not None:
            break
    else:
        raise UnsupportedError(f"mean over axes {axes}", "take the mean over space, axes (2, 3)")
    size = (height // kernel[0], width // kernel[1])
    view = kept
    if call.attributes.get("keepdims", 1):
        view = tuple(1 if axis in moved else n for axis, n in enumerate(order.shape))
    node = AveragePool(call.name, (source.name,), kernel, kernel)
    return _pooled(call, source, node, size).moved(means.reshape(view), call.name)


def _means(groups: np.ndarray, shape: tuple[int, int, int], kernel: Pair) -> np.ndarray | None:
    """Which pixel of the pooled map each group of elements is the mean of; None for others."""
    channels, height, width = shape
    size = (channels, height // kernel[0], width // kernel[1])
    blocks = numbers(shape).reshape(channels, size[1], kernel[0], size[2], kernel[1])
    wanted = blocks.transpose(0, 1, 3, 2, 4).reshape(math.prod(size), -1)
    found = np.sort(groups, -1)
    if found.shape[-1] != wanted.shape[1]:
        return None
    places = np.searchsorted(wanted[:, 0], found[..., 0])
    places = np.minimum(places, len(wanted) - 1)
    return places + 1 if np.array_equal(wanted[places], found) else None


def never_negative(builder: Builder, name: str) -> bool:
    """Whether a value of the float graph is known to be at least 0."""
    node = builder.nodes.get(name)
    if isinstance(node, MaxPool | AveragePool | Select | Add | Concatenate):
        return all(never_negative(builder, one) for one in node.inputs)
    return isinstance(node, Clamp)


def _pooled(call: Call, source: Value, node: MaxPool | AveragePool, size: Pair) -> Value:
    if node.kernel == node.stride == (1, 1) and node.padding == (0, 0) and not node.end_padding:
        return source
    shape = (source.shape[0], *size)
    call.builder.add(node, shape)
    return Value(call.name, shape, shape)


def _pair(call: Call, name: str, default: int | None = None) -> Pair:
    values = call.attributes.get(name, (default, default))
    if len(values) != 2 or None in values:
        raise UnsupportedError(f"{name} {list(values)}", "use 2-dimensional windows")
    return int(values[0]), int(values[1])
