"""One operator call of an exported program, with its arguments as the float graph sees them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from pann_hw.network.graph import Node, Shape

__all__ = ["Call", "Handler", "Pair", "Result", "UnsupportedError", "Value", "pair"]

Pair = tuple[int, int]


class UnsupportedError(Exception):
    """An operation that the float graph cannot express: what was found, and what to use instead."""

    def __init__(self, found: str, advice: str) -> None:
        super().__init__(f"{found}: {advice}")
        self.found = found
        self.advice = advice


@dataclass(frozen=True)
class Value:
    """A value of the float graph as the exported program sees it.

    Attributes
    ----------
    name, shape : of the float graph's value, (C, H, W)
    view : the shape that the program gives it, without the batch: (C * H * W,) once flattened
    """

    name: str
    shape: Shape
    view: tuple[int, ...]


@dataclass(frozen=True)
class Call:
    """One operator call.

    Attributes
    ----------
    name : for the node that it may become
    arguments : by the operator's own names, defaults filled in; each a :class:`Value`, a constant
        tensor or a plain Python value
    view : shape of the result without the batch
    """

    name: str
    arguments: dict[str, Any]
    view: tuple[int, ...]

    def value(self, key: str) -> Value:
        """An argument that depends on the network's input."""
        value = self.arguments[key]
        if not isinstance(value, Value):
            raise UnsupportedError("reads a constant", "let it read the network's input or a layer")
        return value

    def map(self, key: str) -> Value:
        """An argument that is a map (C, H, W), or a vector if it stands for (C, 1, 1)."""
        value = self.value(key)
        if value.view not in (value.shape, value.shape[:1]) or (
            len(value.view) == 1 and value.shape[1:] != (1, 1)
        ):
            raise UnsupportedError(
                f"reads {value.name} of shape {value.shape} as {value.view}",
                "after flattening a map use Linear, ReLU or an addition only",
            )
        return value

    def weight(self, key: str) -> torch.Tensor:
        """An argument that is a constant float32 tensor."""
        value = self.arguments[key]
        if not isinstance(value, torch.Tensor):
            raise UnsupportedError(f"{key} is computed from the input", "use constant weights")
        if value.dtype != torch.float32:
            raise UnsupportedError(f"{key} is {value.dtype}", "use float32")
        return value

    def optional(self, key: str) -> torch.Tensor | None:
        """A constant float32 tensor or None."""
        return None if self.arguments[key] is None else self.weight(key)

    def output_map(self) -> Shape:
        """The result's shape (C, H, W)."""
        if len(self.view) != 3:
            raise UnsupportedError(f"result of shape {self.view}", "use inputs (batch, C, H, W)")
        return (self.view[0], self.view[1], self.view[2])


Result = Value | tuple[Node, Shape]
"""What a handler returns: the node to add with its value's shape, or a value that is passed on."""

Handler = Callable[[Call], Result]


def pair(value: Any) -> Pair:
    """(vertical, horizontal) of an argument that is one number or a list of one or two."""
    numbers = [value] if isinstance(value, int) else list(value)
    return (int(numbers[0]), int(numbers[-1]))
