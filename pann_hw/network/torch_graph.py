"""From an exported program to the float graph, or one error that lists every obstacle."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind

from pann_hw.errors import InputError
from pann_hw.network.advice import advice
from pann_hw.network.graph import Node, Shape
from pann_hw.network.torch_call import Call, UnsupportedError, Value
from pann_hw.network.torch_nodes import (
    arguments,
    base_name,
    check_type,
    clean,
    evaluated,
    is_bookkeeping,
    operator_name,
)
from pann_hw.network.torch_operators import HANDLERS

__all__ = ["Translation", "translate"]

SOFTMAX = ("softmax", "_softmax", "log_softmax", "_log_softmax")


@dataclass(frozen=True)
class Translation:
    """The float graph in parts, batch normalisation not yet folded.

    Attributes
    ----------
    input_name, output_name : of values
    shapes : of every value, (C, H, W)
    nodes : in topological order
    softmax : the operator that was dropped at the end, "softmax" or "log_softmax", or None
    """

    input_name: str
    output_name: str
    shapes: dict[str, Shape]
    nodes: tuple[Node, ...]
    softmax: str | None


def translate(program: ExportedProgram) -> Translation:
    """Translate a functional program (no in-place operators).

    Raises
    ------
    InputError : not one input (batch, C, H, W) or (batch, F) and one output; or nodes without
        counterpart, every one named with its operator and what to use instead
    """
    return _Translator(program).run()


class _Translator:
    def __init__(self, program: ExportedProgram) -> None:
        self._program = program
        self._values: dict[fx.Node, Any] = {}
        self._nodes: list[Node] = []
        self._shapes: dict[str, Shape] = {}
        self._problems: list[str] = []
        self._taken: set[str] = set()
        self._softmax: str | None = None
        signature = program.graph_signature
        users = [s.arg.name for s in signature.input_specs if s.kind == InputKind.USER_INPUT]
        outputs = [s.arg.name for s in signature.output_specs if s.kind == OutputKind.USER_OUTPUT]
        for what, names in (("inputs", users), ("outputs", outputs)):
            if len(names) != 1:
                raise InputError(
                    f"network has {len(names)} {what} ({', '.join(map(str, names)) or 'none'}), "
                    f"must have exactly one: wrap it in a module with one tensor in and one out"
                )
        self._input, self._output = users[0], outputs[0]
        self._entry = ""
        self._batch: Any = None

    def run(self) -> Translation:
        constants = _constants(self._program)
        output: Any = None
        for node in self._program.graph.nodes:
            if node.op == "placeholder" and node.name == self._input:
                self._values[node] = self._input_value(node)
            elif node.op == "placeholder":
                self._values[node] = constants.get(node.name)
            elif node.op == "call_function":
                self._values[node] = self._call(node)
            if node.name == self._output:
                output = self._values[node]
        if self._problems:
            raise InputError(
                f"network has {len(self._problems)} unsupported operation"
                f"{'s' if len(self._problems) > 1 else ''}: {'; '.join(self._problems)}"
            )
        if not isinstance(output, Value) or not self._nodes:
            raise InputError(
                "network's output does not depend on its input through any layer: "
                "give a network with at least one convolution or linear layer"
            )
        return Translation(
            self._entry, output.name, self._shapes, tuple(self._nodes), self._softmax
        )

    def _input_value(self, node: fx.Node) -> Value:
        example = node.meta["val"]
        if not isinstance(example, torch.Tensor) or example.ndim not in (2, 4):
            shape = tuple(example.shape) if isinstance(example, torch.Tensor) else example
            raise InputError(
                f"network's input {node.name!r} is {shape}, must be (batch, C, H, W) or (batch, F)"
            )
        if example.dtype != torch.float32:
            raise InputError(f"network's input {node.name!r} is {example.dtype}, must be float32")
        if not all(isinstance(size, int) for size in example.shape[1:]):
            raise InputError(
                f"network's input {node.name!r} has the shape {tuple(example.shape)}: only the "
                f"batch may be dynamic, export it with fixed channels, height and width"
            )
        self._batch = example.shape[0]
        view = tuple(example.shape[1:])
        shape = _map_shape(view)
        name = self._reserve(clean(node.name))
        self._shapes[name] = shape
        self._entry = name
        return Value(name, shape, view)

    def _call(self, node: fx.Node) -> Any:
        """The value of a node: a Value, a constant tensor, or None where there is no telling."""
        if node.target is operator.getitem:
            return self._item(node)
        name = operator_name(node)
        if is_bookkeeping(node):
            return None
        known = isinstance(node.target, torch._ops.OpOverload)
        bound = fx.map_arg(arguments(node) if known else dict(node.kwargs), self._values.get)
        sources = [s for s in node.all_input_nodes if not is_bookkeeping(s)]
        inputs = [self._values.get(source) for source in sources]
        try:
            if len(sources) == len(node.all_input_nodes) and all(
                isinstance(value, torch.Tensor) for value in inputs
            ):
                return evaluated(node, self._values)
            if name in SOFTMAX:
                return self._drop_softmax(node, name, bound)
            if name not in HANDLERS:
                raise UnsupportedError("", advice(name))
            check_type(node)
            if any(value is None for value in inputs):
                return self._assumed(node)
            return self._handle(node, name, bound)
        except UnsupportedError as error:
            where = self._reserve(base_name(node, name))
            found = f", {error.found}" if error.found else ""
            self._problems.append(f"{where} ({node.target}{found}): {error.advice}")
            return self._assumed(node)

    def _handle(self, node: fx.Node, name: str, bound: Mapping[str, Any]) -> Value:
        view = self._view(node)
        if view is None:
            raise UnsupportedError("mixes samples", "keep the batch as the first axis")
        result = HANDLERS[name](Call(self._free(base_name(node, name)), dict(bound), view))
        if isinstance(result, Value):
            return result
        added, shape = result
        self._nodes.append(added)
        self._shapes[self._reserve(added.name)] = shape
        return Value(added.name, shape, view)

    def _item(self, node: fx.Node) -> Any:
        source, index = node.args
        assert isinstance(source, fx.Node)
        value = self._values.get(source)
        if isinstance(value, tuple) and isinstance(index, int):
            return value[index]
        if index == 0 or value is None:
            return value
        where = self._reserve(base_name(source, operator_name(source)))
        self._problems.append(
            f"{where} ({source.target}, output {index}): use its first output only"
        )
        return None

    def _drop_softmax(self, node: fx.Node, name: str, bound: Mapping[str, Any]) -> Any:
        value = bound.get("self", bound.get("input"))
        if not isinstance(value, Value):
            return self._assumed(node)
        if any(user.op != "output" for user in node.users):
            raise UnsupportedError("not at the end", "use softmax only as the last operation")
        axis = bound["dim"] % (len(value.view) + 1)
        if axis != 1 or value.shape[1:] != (1, 1) or value.view[:1] != value.shape[:1]:
            raise UnsupportedError(
                f"axis {axis} of {value.view}",
                "take the softmax over classes, shape (batch, classes)",
            )
        self._softmax = name.removeprefix("_")
        return value

    def _view(self, node: fx.Node) -> tuple[int, ...] | None:
        """Shape without the batch; None where the first axis is not the batch."""
        value = node.meta.get("val")
        value = value[0] if isinstance(value, tuple | list) else value
        if not isinstance(value, torch.Tensor) or not value.ndim or value.shape[0] != self._batch:
            return None
        return tuple(int(size) for size in value.shape[1:])

    def _assumed(self, node: fx.Node) -> Value | None:
        """What an unsupported node may have made, so that the nodes after it can be checked too."""
        view = self._view(node)
        if view is None or len(view) not in (1, 3):
            return None
        return Value(base_name(node, operator_name(node)), _map_shape(view), view)

    def _free(self, wish: str) -> str:
        name, number = wish, 2
        while name in self._taken:
            name, number = f"{wish}_{number}", number + 1
        return name

    def _reserve(self, wish: str) -> str:
        name = self._free(wish)
        self._taken.add(name)
        return name


def _map_shape(view: tuple[int, ...]) -> Shape:
    return (view[0], view[1], view[2]) if len(view) == 3 else (view[0], 1, 1)


def _constants(program: ExportedProgram) -> dict[str, Any]:
    tensors = {**program.constants, **program.state_dict}
    return {
        spec.arg.name: tensors[spec.target].detach()
        for spec in program.graph_signature.input_specs
        if spec.target is not None and isinstance(tensors.get(spec.target), torch.Tensor)
    }
