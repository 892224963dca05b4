"""From an ONNX graph to the float graph, or one error that lists every obstacle."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from pann_hw.errors import InputError
from pann_hw.network.graph import Node, Shape
from pann_hw.network.onnx_advice import onnx_advice
from pann_hw.network.onnx_call import Builder, Call, RelaidError
from pann_hw.network.onnx_file import OnnxNetwork
from pann_hw.network.onnx_layout import LAYOUT, RANDOM, evaluated, rearranged
from pann_hw.network.onnx_operators import HANDLERS
from pann_hw.network.onnx_value import Value, map_shape, numbers
from pann_hw.network.torch_call import UnsupportedError

__all__ = ["Translation", "translate"]

_SOFTMAX = {"Softmax": "softmax", "LogSoftmax": "log_softmax"}
_AFTER_SOFTMAX = LAYOUT | {"Cast", "Dropout"}
_OWN_SOFTMAX_OPSET = 13


@dataclass(frozen=True, eq=False)
class Translation:
    """The float graph in parts, scalings not yet folded.

    Attributes
    ----------
    input, output : as the file has them
    nodes : in topological order
    shapes : of every value, (C, H, W)
    softmax : what was dropped at the end, torch's "softmax" or "log_softmax", or None
    """

    input: Value
    output: Value
    nodes: tuple[Node, ...]
    shapes: dict[str, Shape]
    softmax: str | None


def translate(network: OnnxNetwork, dimensions: tuple[int, ...]) -> Translation:
    """Translate a graph whose input has the given shape, batch first.

    The input is taken as (C, H, W), (F, 1, 1) or, of two axes, (1, H, W); in another order where
    what reads it asks for one: a network of (batch, H, W, C) that begins with a Transpose.

    Raises
    ------
    InputError : nodes without counterpart, every one named with its operator and what to use
        instead; an output that does not depend on the input
    """
    shape = map_shape(dimensions[1:])
    if shape is None:
        raise InputError(
            f"network's input {network.input.name!r} has the shape {dimensions}, must be "
            f"(batch, C, H, W) or (batch, F)"
        )
    try:
        return _Translator(network, dimensions, shape).run()
    except RelaidError as other:
        relaid = other
    try:
        return _Translator(network, dimensions, relaid.shape, relaid.order).run()
    except InputError:
        # Messages speak of the file's own order.
        return _Translator(network, dimensions, shape, numbers(dimensions[1:])).run()


class _Translator:
    def __init__(
        self,
        network: OnnxNetwork,
        dimensions: tuple[int, ...],
        shape: Shape,
        order: np.ndarray | None = None,
    ) -> None:
        self._network = network
        self._dimensions = dimensions
        self._batch = dimensions[0]
        self._opset = network.opsets[""]
        self._builder = Builder(dimensions[1:], order is not None)
        name = self._builder.label(network.input.name)
        self._builder.shapes[name] = shape
        plain = Value(name, shape, dimensions[1:], label=name, entry=True)
        self._input = plain if order is None else plain.moved(order, name)
        self._values: dict[str, Any] = {
            tensor.name: numpy_helper.to_array(tensor) for tensor in network.model.graph.initializer
        }
        self._values[network.input.name] = self._input
        self._readers: defaultdict[str, list[onnx.NodeProto]] = defaultdict(list)
        for node in network.nodes:
            for source in node.input:
                self._readers[source].append(node)
        self._problems: list[str] = []
        self._softmax: str | None = None

    def run(self) -> Translation:
        for node in self._network.nodes:
            for name, value in zip(node.output, self._results(node), strict=False):
                self._values[name] = value
        output = self._values.get(self._network.output.name)
        if not self._problems and isinstance(output, Value):
            output = self._final(output)
        if self._problems:
            raise InputError(
                f"network has {len(self._problems)} unsupported operation"
                f"{'s' if len(self._problems) > 1 else ''}: {'; '.join(self._problems)}"
            )
        if not isinstance(output, Value) or not self._builder.nodes:
            raise InputError(
                "network's output does not depend on its input through any layer: "
                "give a network with at least one convolution or linear layer"
            )
        return Translation(
            self._input,
            output,
            tuple(self._builder.nodes.values()),
            self._builder.shapes,
            self._softmax,
        )

    def _results(self, node: onnx.NodeProto) -> list[Any]:
        """A node's outputs: Values, constants, or None where there is no telling."""
        inputs = [self._values.get(name) if name else None for name in node.input]
        known = all(name == "" or name in self._values for name in node.input)
        unknown = any(
            name and (name not in self._values or value is None)
            for name, value in zip(node.input, inputs, strict=True)
        )
        domain = "" if node.domain == "ai.onnx" else node.domain
        operator = node.op_type if not domain else f"{domain}::{node.op_type}"
        try:
            if domain or node.op_type in RANDOM or any(one.HasField("g") for one in node.attribute):
                raise UnsupportedError("", onnx_advice(domain, node.op_type))
            if known and not unknown and not any(isinstance(one, Value) for one in inputs):
                return evaluated(node, inputs, self._network.opsets)
            if node.op_type not in {*HANDLERS, *LAYOUT, *_SOFTMAX, "Shape", "Size"}:
                raise UnsupportedError("", onnx_advice(domain, node.op_type))
            if unknown:
                return [self._assumed(name) for name in node.output]
            return self._translated(node, tuple(inputs))
        except UnsupportedError as error:
            found = f", {error.found}" if error.found else ""
            where = node.name or next(name for name in node.output if name)
            self._problems.append(f"{where} ({operator}{found}): {error.advice}")
            return [self._assumed(name) for name in node.output]

    def _translated(self, node: onnx.NodeProto, inputs: tuple[Any, ...]) -> list[Any]:
        attributes = {one.name: _attribute(one) for one in node.attribute}
        label = self._builder.label(node.name or node.output[0])
        call = Call(self._builder, label, inputs, attributes, self._batch, self._opset)
        if node.op_type in ("Shape", "Size"):
            return [_sizes(node.op_type, (self._batch, *call.value(0).view), attributes)]
        if node.op_type in LAYOUT:
            return list(rearranged(node, call, self._network.opsets))
        unused = [name for name in node.output[1:] if name and self._is_read(name)]
        if unused:
            raise UnsupportedError(f"output {unused[0]!r} is read", "use its first output only")
        if node.op_type in _SOFTMAX:
            return [self._drop_softmax(node, call)]
        return [HANDLERS[node.op_type](call)]

    def _is_read(self, name: str) -> bool:
        return bool(self._readers[name]) or name == self._network.output.name

    def _drop_softmax(self, node: onnx.NodeProto, call: Call) -> Value:
        value = call.elements(0)
        if not self._is_last(node.output[0]):
            raise UnsupportedError("not at the end", "use it only as the last operation")
        old = self._opset < _OWN_SOFTMAX_OPSET
        rank = len(value.view) + 1
        axis = int(call.attributes.get("axis", 1 if old else -1)) % rank
        # Old opsets take the softmax over all axes from this one on.
        classes = math.prod(value.view[axis - 1 :] if old else value.view[axis - 1 : axis])
        if axis == 0 or classes != math.prod(value.view):
            raise UnsupportedError(
                f"axis {axis} of {('batch', *value.view)}",
                "take the softmax over classes, shape (batch, classes)",
            )
        self._softmax = _SOFTMAX[node.op_type]
        return value

    def _is_last(self, name: str) -> bool:
        """Whether nothing but moves lies between a tensor and the network's output."""
        return all(
            node.op_type in _AFTER_SOFTMAX and all(self._is_last(one) for one in node.output)
            for node in self._readers[name]
        )

    def _final(self, output: Value) -> Value:
        """The output as a value of its own, unless it is another order of all its elements."""
        call = Call(self._builder, output.label or output.name, (output,), {}, self._batch, 0)
        try:
            return call.elements(0)
        except UnsupportedError as error:
            where = self._network.output.name
            self._problems.append(f"{where} (output, {error.found}): {error.advice}")
            return output

    def _assumed(self, name: str) -> Value | None:
        """What an unsupported node may have made, so that the nodes after it can be checked too."""
        shape = self._inferred.get(name)
        if shape is None or len(shape) < 2 or shape[0] != self._batch:
            return None
        view = shape[1:]
        whole = map_shape(view) or (math.prod(view), 1, 1)
        return Value(name, whole, view, label=name)

    @cached_property
    def _inferred(self) -> dict[str, tuple[int, ...]]:
        """Shapes as onnx infers them."""
        model = onnx.ModelProto()
        model.CopyFrom(self._network.model)
        for value in model.graph.input:
            if value.name == self._network.input.name:
                fixed = helper.make_tensor_value_info(value.name, 1, self._dimensions)
                value.CopyFrom(fixed)
        try:
            graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
        except Exception:
            # A graph that onnx cannot follow: nodes after the unsupported one stay unchecked.
            return {}
        return {
            value.name: tuple(one.dim_value for one in value.type.tensor_type.shape.dim)
            for value in (*graph.value_info, *graph.output)
            if all(one.dim_value > 0 for one in value.type.tensor_type.shape.dim)
        }


def _sizes(operator: str, shape: tuple[int, ...], attributes: dict[str, Any]) -> np.ndarray:
    if operator == "Size":
        return np.array(math.prod(shape), np.int64)
    return np.array(shape[attributes.get("start", 0) : attributes.get("end")], np.int64)


def _attribute(attribute: onnx.AttributeProto) -> Any:
    value = helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    return value
