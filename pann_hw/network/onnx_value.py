"""What a tensor of an ONNX graph is to the float graph: a value, and the order of its elements.

Reshape, Transpose, Slice, Pad and their like only move elements. Each is applied to the *order*, an
array of element numbers, and only what reads the result asks what the order has become: the value
itself, a selection of its channels and pixels, or features for a fully connected layer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pann_hw.network.graph import Shape

__all__ = ["Choice", "Value", "chosen", "map_shape", "numbers"]


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor that depends on the network's input.

    Attributes
    ----------
    name, shape : of the float graph's value, (C, H, W)
    view : the shape that the file gives it, without the batch
    order : int64 array of shape ``view``: 1 + the element's place in the value, 0 for a constant
        zero; None where the elements are those of the value, in its order
    label : of the node that made the view, which a selection is named after
    entry : whether nothing but moves and constants lie between it and the network's input
    pending : float64 arrays (gain, offset) of the value's shape, still to be applied
    """

    name: str
    shape: Shape
    view: tuple[int, ...]
    order: np.ndarray | None = None
    label: str = ""
    entry: bool = False
    pending: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def elements(self) -> np.ndarray:
        """``order``, made up where it is None."""
        return numbers(self.view) if self.order is None else self.order

    @property
    def whole(self) -> bool:
        """Whether each of the value's elements is there once, in whatever order."""
        if self.order is None:
            return True
        size = int(np.prod(self.shape))
        return self.order.size == size and bool(
            (np.bincount(self.order.ravel(), minlength=size + 1)[1:] == 1).all()
        )

    def moved(self, order: np.ndarray, label: str) -> Value:
        """The same elements in another order."""
        size = int(np.prod(self.shape))
        plain = order.size == size and np.array_equal(order.ravel(), np.arange(1, size + 1))
        return replace(self, view=order.shape, order=None if plain else order, label=label)


@dataclass(frozen=True)
class Choice:
    """A map of selected elements, with the fields of :class:`~pann_hw.network.graph.Select`."""

    channels: tuple[int, ...]
    origin: tuple[int, int]
    stride: tuple[int, int]
    size: tuple[int, int]

    def elements(self, shape: Shape) -> np.ndarray:
        """The order that it stands for, for a value of that shape."""
        rows, columns = (self.origin[a] + self.stride[a] * np.arange(self.size[a]) for a in (0, 1))
        channels = np.array(self.channels)
        _, height, width = shape
        places = (channels[:, None, None] * height + rows[:, None]) * width + columns + 1
        outside = (rows < 0) | (rows >= height)
        places[:, outside] = 0
        places[:, :, (columns < 0) | (columns >= width)] = 0
        places[channels < 0] = 0
        result: np.ndarray = places
        return result


def numbers(shape: tuple[int, ...]) -> np.ndarray:
    """1, 2, 3, ... in that shape."""
    return np.arange(1, int(np.prod(shape)) + 1).reshape(shape)


def map_shape(view: tuple[int, ...]) -> Shape | None:
    """The map that a view of 0 to 3 axes stands for; features are channels."""
    match view:
        case (channels, height, width):
            return channels, height, width
        case (height, width):
            return 1, height, width
        case (features,):
            return features, 1, 1
    return None


def chosen(order: np.ndarray, shape: Shape) -> Choice | None:
    """The selection that an order of three axes is, or None.

    Parameters
    ----------
    order : int64 array (C, H, W), as of :class:`Value`
    shape : of the value whose elements are numbered
    """
    inside = order > 0
    channel, rest = np.divmod(order - 1, shape[1] * shape[2])
    row, column = np.divmod(rest, shape[2])
    channels = np.where(inside, channel, -1).max((1, 2))
    rows = _line(np.where(inside, row, -1).max((0, 2)))
    columns = _line(np.where(inside, column, -1).max((0, 1)))
    if rows is None or columns is None:
        return None
    choice = Choice(
        tuple(channels.tolist()),
        (rows[0], columns[0]),
        (rows[1], columns[1]),
        (order.shape[1], order.shape[2]),
    )
    return choice if np.array_equal(choice.elements(shape), order) else None


def _line(places: np.ndarray) -> tuple[int, int] | None:
    """First place and step of a line of places, of which those outside the map are -1."""
    (known,) = np.nonzero(places >= 0)
    if not len(known):
        return 0, 1
    first = int(known[0])
    step = int(places[known[1]] - places[first]) if len(known) > 1 else 1
    return (int(places[first]) - first * step, step) if step >= 1 else None
