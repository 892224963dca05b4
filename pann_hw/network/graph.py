"""The float graph: what an imported network looks like before quantisation.

Every value is a feature map of shape (C, H, W); a vector of F features is (F, 1, 1). A linear
layer is a :class:`Convolution` whose kernel covers its whole input, so flattening never appears.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F

__all__ = [
    "Add",
    "AveragePool",
    "Clamp",
    "Concatenate",
    "Convolution",
    "FloatGraph",
    "MaxPool",
    "Node",
    "Shape",
]

Shape = tuple[int, int, int]
Pair = tuple[int, int]


@dataclass(frozen=True)
class Node:
    """One operation. Its output value carries the node's ``name``.

    Attributes
    ----------
    name : unique, taken from the imported network where it has one
    inputs : names of the nodes (or of the graph's input) that it reads
    """

    name: str
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class Convolution(Node):
    """``y[o] = bias[o] + sum_i weight[o, i] * x[i]`` (cross-correlation, zero padding).

    Attributes
    ----------
    weight : float32 tensor of shape (O, I / groups, kh, kw)
    bias : float32 tensor of shape (O,)
    stride, padding : (vertical, horizontal); padding on both sides
    groups : I and O are multiples of it; depthwise where groups = I
    """

    weight: torch.Tensor
    bias: torch.Tensor
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    groups: int = 1


@dataclass(frozen=True)
class Clamp(Node):
    """``y = min(max(x, 0), maximum)``: ReLU where ``maximum`` is None, ReLU6 where it is 6."""

    maximum: float | None = None


@dataclass(frozen=True)
class MaxPool(Node):
    """Maximum over kernel windows; padding never wins."""

    kernel: Pair
    stride: Pair
    padding: Pair = (0, 0)


@dataclass(frozen=True)
class AveragePool(Node):
    """Mean over kernel windows, padded zeros counted."""

    kernel: Pair
    stride: Pair
    padding: Pair = (0, 0)


@dataclass(frozen=True)
class Add(Node):
    """Elementwise sum of two values of one shape (a residual connection)."""


@dataclass(frozen=True)
class Concatenate(Node):
    """Concatenation along channels."""


@dataclass(frozen=True)
class FloatGraph:
    """A float network as nodes in topological order.

    Attributes
    ----------
    input_name, input_shape : the network's one input, (C, H, W) without the batch
    nodes : in an order in which every node follows its inputs
    output_name : the node whose value the network returns
    shapes : (C, H, W) of every value by name, the input's included
    notes : what the import dropped or folded, a sentence each
    """

    input_name: str
    input_shape: Shape
    nodes: tuple[Node, ...]
    output_name: str
    shapes: dict[str, Shape]
    notes: tuple[str, ...] = field(default=())

    def values(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """Every value of the network by name, for inputs x of shape (batch, C, H, W)."""
        values = {self.input_name: x}
        for node in self.nodes:
            values[node.name] = evaluate(node, [values[name] for name in node.inputs])
        return values

    def run(self, x: torch.Tensor) -> torch.Tensor:
        """The network's output, flattened to (batch, features)."""
        return self.values(x)[self.output_name].flatten(1)


def evaluate(node: Node, inputs: list[torch.Tensor]) -> torch.Tensor:
    """The float value of one node, for inputs of shape (batch, C, H, W)."""
    match node:
        case Convolution():
            return F.conv2d(
                inputs[0], node.weight, node.bias, node.stride, node.padding, 1, node.groups
            )
        case Clamp():
            return inputs[0].clamp(0, node.maximum)
        case MaxPool():
            padded = F.pad(inputs[0], _sides(node.padding), value=-torch.inf)
            return F.max_pool2d(padded, node.kernel, node.stride)
        case AveragePool():
            return F.avg_pool2d(F.pad(inputs[0], _sides(node.padding)), node.kernel, node.stride)
        case Add():
            return inputs[0] + inputs[1]
        case Concatenate():
            return torch.cat(inputs, 1)
    raise TypeError(f"{type(node).__name__} is not an operation of the float graph")


def _sides(padding: Pair) -> tuple[int, int, int, int]:
    vertical, horizontal = padding
    return horizontal, horizontal, vertical, vertical
