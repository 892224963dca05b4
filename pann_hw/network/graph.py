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
    "Select",
    "Shape",
    "ends",
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
    stride : (vertical, horizontal)
    padding : rows above and columns to the left
    groups : I and O are multiples of it; depthwise where groups = I
    end_padding : rows below and columns to the right, None: as many; -n leaves n of the map out
    """

    weight: torch.Tensor
    bias: torch.Tensor
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    groups: int = 1
    end_padding: Pair | None = None


@dataclass(frozen=True)
class Clamp(Node):
    """``y = min(max(x, 0), maximum)``: ReLU where ``maximum`` is None, ReLU6 where it is 6."""

    maximum: float | None = None


@dataclass(frozen=True)
class MaxPool(Node):
    """Maximum over kernel windows; padding, as a :class:`Convolution` has it, never wins."""

    kernel: Pair
    stride: Pair
    padding: Pair = (0, 0)
    end_padding: Pair | None = None


@dataclass(frozen=True)
class AveragePool(Node):
    """Mean over kernel windows, padded zeros (as a :class:`Convolution` has them) counted."""

    kernel: Pair
    stride: Pair
    padding: Pair = (0, 0)
    end_padding: Pair | None = None


@dataclass(frozen=True)
class Select(Node):
    """``y[c, i, j] = x[channels[c], origin[0] + stride[0] i, origin[1] + stride[1] j]``, else 0.

    Slices, strided or not, zero padding of maps and of channels, and any order of channels.

    Attributes
    ----------
    channels : for each channel of y the one of x, -1 for zeros
    origin : row and column of x under the first of y; negative in the padding
    stride : (vertical, horizontal)
    size : height and width of y
    """

    channels: tuple[int, ...]
    origin: Pair
    stride: Pair
    size: Pair


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
            # Torch's own padding is faster than a padded copy.
            x, padding = inputs[0], node.padding
            if node.end_padding is not None:
                x, padding = F.pad(x, _sides(node)), (0, 0)
            return F.conv2d(x, node.weight, node.bias, node.stride, padding, 1, node.groups)
        case Clamp():
            return inputs[0].clamp(0, node.maximum)
        case MaxPool():
            padded = F.pad(inputs[0], _sides(node), value=-torch.inf)
            return F.max_pool2d(padded, node.kernel, node.stride)
        case AveragePool():
            return F.avg_pool2d(F.pad(inputs[0], _sides(node)), node.kernel, node.stride)
        case Add():
            return inputs[0] + inputs[1]
        case Concatenate():
            return torch.cat(inputs, 1)
        case Select():
            return _selected(node, inputs[0])
    raise TypeError(f"{type(node).__name__} is not an operation of the float graph")


def ends(node: Convolution | MaxPool | AveragePool) -> Pair:
    """Rows below and columns to the right that a window operation adds."""
    return node.padding if node.end_padding is None else node.end_padding


def _sides(node: Convolution | MaxPool | AveragePool) -> tuple[int, int, int, int]:
    """Padding as torch takes it: left, right, above, below."""
    (above, left), (below, right) = node.padding, ends(node)
    return left, right, above, below


def _selected(node: Select, x: torch.Tensor) -> torch.Tensor:
    # Channel -1 is one of zeros, appended for it.
    x = F.pad(x, (0, 0, 0, 0, 0, 1))[:, list(node.channels)]
    for axis, along in ((0, (-1, 1)), (1, (1, -1))):
        last = x.shape[2 + axis] - 1
        steps = torch.arange(node.size[axis], device=x.device)
        places = node.origin[axis] + node.stride[axis] * steps
        outside = ((places < 0) | (places > last)).reshape(along)
        x = x.index_select(2 + axis, places.clamp(0, last)).masked_fill(outside, 0)
    return x
