"""Small float graphs with random weights, for the tests of quantisation."""

from __future__ import annotations

import numpy as np
import torch

from pann_hw.network.graph import (
    Add,
    AveragePool,
    Clamp,
    Concatenate,
    Convolution,
    FloatGraph,
    MaxPool,
    Node,
    Select,
    evaluate,
)

INPUT = (3, 8, 8)


class Draft:
    """A float graph in the making: each method adds a node and returns its name."""

    def __init__(self, seed: int = 0, shape: tuple[int, int, int] = INPUT) -> None:
        self._generator = torch.Generator().manual_seed(seed)
        self._nodes: list[Node] = []
        self._values = {"x": torch.zeros(1, *shape)}

    def convolution(
        self, value: str, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1
    ) -> str:
        """Weights and biases with the variance of a usual initialisation."""
        inputs = self._values[value].shape[1] // groups
        weight = torch.randn(outputs, inputs, kernel, kernel, generator=self._generator)
        weight *= (2 / (inputs * kernel * kernel)) ** 0.5
        bias = torch.randn(outputs, generator=self._generator) * 0.2
        padding = (kernel // 2, kernel // 2)
        return self._add(
            Convolution(
                self._name("conv"), (value,), weight, bias, (stride, stride), padding, groups
            )
        )

    def linear(self, value: str, outputs: int) -> str:
        """A convolution whose kernel covers the whole map."""
        _, channels, height, width = self._values[value].shape
        weight = torch.randn(outputs, channels, height, width, generator=self._generator)
        weight *= (1 / weight[0].numel()) ** 0.5
        bias = torch.randn(outputs, generator=self._generator) * 0.2
        return self._add(Convolution(self._name("linear"), (value,), weight, bias))

    def relu(self, value: str, maximum: float | None = None) -> str:
        """Clamp at 0 and, where it is given, at a maximum."""
        return self._add(Clamp(self._name("relu"), (value,), maximum))

    def add(self, first: str, second: str) -> str:
        """A residual addition."""
        return self._add(Add(self._name("add"), (first, second)))

    def concatenate(self, *values: str) -> str:
        """Along channels."""
        return self._add(Concatenate(self._name("cat"), values))

    def max_pool(self, value: str, padding: int = 0) -> str:
        """2 x 2 without padding, else 3 x 3; stride 2."""
        kernel = 3 if padding else 2
        return self._add(
            MaxPool(self._name("max"), (value,), (kernel, kernel), (2, 2), (padding, padding))
        )

    def average_pool(self, value: str, padding: int = 0) -> str:
        """2 x 2 without padding, else 3 x 3; stride 2."""
        kernel = 3 if padding else 2
        return self._add(
            AveragePool(self._name("mean"), (value,), (kernel, kernel), (2, 2), (padding, padding))
        )

    def select(
        self,
        value: str,
        channels: tuple[int, ...],
        origin: tuple[int, int] = (0, 0),
        stride: tuple[int, int] = (1, 1),
        size: tuple[int, int] | None = None,
    ) -> str:
        """A selection of channels and pixels; -1 is a channel of zeros."""
        _, _, height, width = self._values[value].shape
        return self._add(
            Select(
                self._name("select"), (value,), channels, origin, stride, size or (height, width)
            )
        )

    def graph(self, output: str | None = None) -> FloatGraph:
        """What was drawn so far, the last node or ``output`` being the network's output."""
        shapes = {
            name: (value.shape[1], value.shape[2], value.shape[3])
            for name, value in self._values.items()
        }
        return FloatGraph(
            "x", shapes["x"], tuple(self._nodes), output or self._nodes[-1].name, shapes
        )

    def _name(self, kind: str) -> str:
        return f"{kind}{len(self._nodes)}"

    def _add(self, node: Node) -> str:
        self._nodes.append(node)
        self._values[node.name] = evaluate(node, [self._values[name] for name in node.inputs])
        return node.name


def images(count: int, seed: int = 1) -> np.ndarray:
    """Smooth signed images of shape (count, 3, 8, 8)."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((count, *INPUT))
    x = (x + np.roll(x, 1, 2) + np.roll(x, 1, 3)) / 2
    result: np.ndarray = x.astype(np.float32)
    return result


def relative_error(found: np.ndarray, wanted: np.ndarray) -> float:
    """Root mean squared error over the standard deviation of what is wanted."""
    return float(np.sqrt(np.mean((found - wanted) ** 2)) / wanted.std())
