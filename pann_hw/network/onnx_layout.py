"""Nodes of an ONNX graph that compute constants, and those that only move elements.

Both are carried out by onnx's own reference implementation, one node at a time: whatever form an
operator has in an opset, it means what onnx says.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper
from onnx.reference import ReferenceEvaluator

from pann_hw.network.onnx_call import Call
from pann_hw.network.onnx_value import Value
from pann_hw.network.torch_call import UnsupportedError
from pann_hw.network.torch_import import first_line

__all__ = ["LAYOUT", "RANDOM", "evaluated", "rearranged"]

LAYOUT = frozenset(
    (
        *("Flatten", "Gather", "Identity", "Pad", "Reshape"),
        *("Slice", "Split", "Squeeze", "Transpose", "Unsqueeze"),
    )
)
"""Operators that only move elements of their first input, or put zeros between them."""

RANDOM = frozenset(
    (
        *("Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike"),
        *("RandomUniform", "RandomUniformLike"),
    )
)
"""Operators without a value of their own."""


def evaluated(
    node: onnx.NodeProto, inputs: Sequence[np.ndarray | None], opsets: dict[str, int]
) -> list[np.ndarray]:
    """A node's outputs for constant inputs.

    Raises
    ------
    UnsupportedError : onnx cannot evaluate it
    """
    feeds = {
        name: value
        for name, value in zip(node.input, inputs, strict=True)
        if name and value is not None
    }
    graph = helper.make_graph(
        [node],
        "node",
        [onnx.ValueInfoProto(name=name) for name in feeds],
        [onnx.ValueInfoProto(name=name) for name in node.output if name],
    )
    try:
        with np.errstate(all="ignore"):
            results = ReferenceEvaluator(graph, opsets=opsets).run(None, feeds)
    except Exception as error:
        # Whatever a wrong attribute or shape breaks inside onnx.
        raise UnsupportedError(first_line(error), "export the network anew") from None
    return [np.asarray(result) for result in results]


def rearranged(node: onnx.NodeProto, call: Call, opsets: dict[str, int]) -> list[Value]:
    """A node's outputs where it only moves the elements of its first input."""
    value = call.value(0)
    others = [call.constant(index) for index in range(1, len(call.inputs))]
    if node.op_type == "Identity":
        return [value]
    if node.op_type == "Pad":
        _check_zeros(call)
    size = int(np.prod(value.shape))
    samples = np.arange(call.batch).reshape(-1, *(1,) * len(value.view)) * size
    places = np.where(value.elements > 0, value.elements + samples, 0)
    # Floats, so that constants to pad with have the same type.
    results = evaluated(node, [places.astype(np.float64), *others], opsets)
    return [value.moved(_sample(result, call.batch, size), call.name) for result in results]


def _check_zeros(call: Call) -> None:
    mode = call.attributes.get("mode", "constant") or "constant"
    filler = call.option("value", 2)
    if mode != "constant" or (filler is not None and filler.any()):
        with_value = "" if filler is None else f" with {float(np.ravel(filler)[0]):g}"
        raise UnsupportedError(f"pads by {mode}{with_value}", "pad with constant zeros")


def _sample(places: np.ndarray, batch: int, size: int) -> np.ndarray:
    """The order of one sample, where all have the same."""
    if places.ndim and len(places) == batch:
        order = places.astype(np.int64)
        samples = np.arange(batch).reshape(-1, *(1,) * (order.ndim - 1)) * size
        if np.array_equal(order, np.where(order[:1] > 0, order[:1] + samples, 0)):
            result: np.ndarray = order[0]
            return result
    raise UnsupportedError("mixes samples", "keep the batch as the first axis")
