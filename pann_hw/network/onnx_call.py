"""One node of an ONNX graph as its handler sees it, and the float graph that handlers add to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from pann_hw.network.graph import Node, Select, Shape
from pann_hw.network.onnx_value import Choice, Value, chosen, numbers
from pann_hw.network.torch_call import UnsupportedError
from pann_hw.network.torch_nodes import clean

__all__ = ["Builder", "Call", "Handler", "RelaidError", "Sides"]

Sides = tuple[int, int, int, int]
"""Padding above, to the left, below and to the right: the order of ONNX."""


class RelaidError(Exception):
    """The network's input must be taken in another order: its map's shape, and the view's order."""

    def __init__(self, shape: Shape, order: np.ndarray) -> None:
        super().__init__(f"input as a map {shape}")
        self.shape = shape
        self.order = order


@dataclass
class Builder:
    """The float graph in the making.

    Attributes
    ----------
    nodes : by name, in topological order
    shapes : of every value, (C, H, W)
    labels : of every node of the file, and every name taken beside them
    entry_view : the input's shape in the file, without the batch
    relaid : whether the input's order was chosen for what reads it
    """

    entry_view: tuple[int, ...]
    relaid: bool
    nodes: dict[str, Node] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)
    labels: set[str] = field(default_factory=set)
    _selected: dict[int, tuple[Value, Value]] = field(default_factory=dict)

    def label(self, wish: str) -> str:
        """A name that nothing has yet, from now on taken."""
        base, number = clean(wish), 2
        name = base
        while name in self.labels:
            name, number = f"{base}_{number}", number + 1
        self.labels.add(name)
        return name

    def add(self, node: Node, shape: Shape) -> None:
        """Add a node, named by its label."""
        assert node.name not in self.shapes
        self.nodes[node.name] = node
        self.shapes[node.name] = shape

    def select(self, value: Value, choice: Choice) -> Value:
        """A value made of a selection of another's elements, in order; the same one each time."""
        key = id(value.order)
        if key not in self._selected:
            # Outputs of one Split have one label.
            name = value.label if value.label not in self.shapes else self.label(value.label)
            shape = (len(choice.channels), *choice.size)
            node = Select(
                name, (value.name,), choice.channels, choice.origin, choice.stride, choice.size
            )
            self.add(node, shape)
            # The first part of the pair keeps the order, and so its id, alive.
            self._selected[key] = value, Value(name, shape, value.view)
        return self._selected[key][1]


@dataclass(frozen=True)
class Call:
    """One node, its inputs translated.

    Attributes
    ----------
    builder : what nodes are added to
    name : its label, for the node that it may become
    inputs : each a :class:`Value`, a constant array, or None where left out
    attributes : by name; strings decoded
    batch : first axis of every tensor
    opset : version of the operators
    """

    builder: Builder
    name: str
    inputs: tuple[Value | np.ndarray | None, ...]
    attributes: dict[str, Any]
    batch: int
    opset: int

    def value(self, index: int) -> Value:
        """An input that depends on the network's input."""
        value = self.inputs[index]
        if not isinstance(value, Value):
            raise UnsupportedError("reads a constant", "let it read the network's input or a layer")
        return value

    def constant(self, index: int) -> np.ndarray | None:
        """An input that is constant, or None where it is left out."""
        value = self.inputs[index] if index < len(self.inputs) else None
        if isinstance(value, Value):
            raise UnsupportedError(f"input {index} depends on the network's input", "use constants")
        return value

    def option(self, name: str, index: int) -> Any:
        """What older opsets have as an attribute, newer ones as an input; None where left out."""
        if name in self.attributes:
            return np.asarray(self.attributes[name])
        return self.constant(index)

    def weight(self, index: int) -> np.ndarray:
        """A constant input that must be float32."""
        value = self.constant(index)
        if value is None:
            raise UnsupportedError(f"input {index} is missing", "give it")
        if value.dtype != np.float32:
            raise UnsupportedError(f"input {index} is {value.dtype}", "use float32")
        if not np.isfinite(value).all():
            raise UnsupportedError(
                f"input {index} has NaN or infinite values", "train or load the network again"
            )
        return value

    def plain(self, index: int) -> Value:
        """An input without scaling that only a fully connected layer can take in."""
        value = self.value(index)
        if value.pending is not None:
            self._relay(value, value.elements)
            raise UnsupportedError(
                f"reads {value.label}, which scales each pixel by its own constant",
                "use one constant per channel, or let Gemm or MatMul follow",
            )
        return value

    def elements(self, index: int) -> Value:
        """An input for an operation element by element: any order, but each element once."""
        value = self.plain(index)
        return value if value.whole else self._as_map(value)

    def map(self, index: int) -> Value:
        """An input (batch, C, H, W), its elements in the value's order."""
        value = self.plain(index)
        if len(value.view) != 3:
            raise UnsupportedError(
                f"reads {value.label or value.name} of shape {('batch', *value.view)}",
                "use values of shape (batch, C, H, W)",
            )
        return self._as_map(value)

    def padded(self, index: int) -> tuple[Value, Sides]:
        """:meth:`map`, where zeros around the value are not made part of it."""
        value = self.plain(index)
        if value.order is not None and len(value.view) == 3:
            choice = chosen(value.order, value.shape)
            if choice is not None and choice.channels == tuple(range(value.shape[0])):
                above, left = -choice.origin[0], -choice.origin[1]
                below = choice.size[0] - value.shape[1] - above
                right = choice.size[1] - value.shape[2] - left
                if choice.stride == (1, 1) and min(above, left, below, right) >= 0:
                    inner = Value(value.name, value.shape, value.shape, entry=value.entry)
                    return inner, (above, left, below, right)
        return self.map(index), (0, 0, 0, 0)

    def _as_map(self, value: Value) -> Value:
        view = value.view
        if value.order is None and view == value.shape:
            return value
        if value.order is None and view == value.shape[:1] and value.shape[1:] == (1, 1):
            return value
        order = value.elements.reshape((*view, 1, 1) if len(view) == 1 else view)
        choice = chosen(order, value.shape) if order.ndim == 3 else None
        if choice is None:
            self._relay(value, order)
            raise UnsupportedError(
                f"reads {value.label or value.name}, whose elements are in no order of a map",
                "reshape and transpose only between (batch, C, H, W), (batch, H, W, C) and "
                "(batch, features)",
            )
        if choice == Choice(tuple(range(value.shape[0])), (0, 0), (1, 1), value.shape[1:]):
            return Value(value.name, value.shape, view, entry=value.entry)
        return self.builder.select(value, choice)

    def _relay(self, value: Value, order: np.ndarray) -> None:
        """Begin again with an input whose order suits what reads it, where there is one."""
        view = self.builder.entry_view
        if not value.entry or self.builder.relaid:
            return
        natural = value.order is None and value.view == view
        if value.whole and order.ndim == 3 and not natural:
            channels, height, width = order.shape
            inverse = np.empty(order.size, np.int64)
            inverse[order.ravel() - 1] = np.arange(1, order.size + 1)
            raise RelaidError((channels, height, width), inverse.reshape(view))
        if len(view) == 3:
            height, width, channels = view
            shape = (channels, height, width)
            raise RelaidError(shape, numbers(shape).transpose(1, 2, 0))

    def tensor(self, values: np.ndarray) -> torch.Tensor:
        """A float32 tensor of an array's values."""
        return torch.from_numpy(np.array(values, np.float32))


Handler = Callable[[Call], Value]
"""Adds what a node stands for to the float graph and returns the node's first output."""
