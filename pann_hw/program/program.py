"""The program of one operating point: passes with their terms, and where everything lies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pann_hw.config import AcceleratorConfig
from pann_hw.integer.requantise import Scale
from pann_hw.program.grid import Grid
from pann_hw.program.windows import Segment

__all__ = ["Columns", "Pass", "Placement", "Program"]


@dataclass(frozen=True)
class Placement:
    """Where a tensor lies in the activation memory.

    Channel c is in bank ``c % banks``, its words from ``base + c // banks * grid.words`` on.

    Attributes
    ----------
    base : word address, the same in all banks
    shape : (C, H, W)
    grid : of each channel
    banks : of the memory
    """

    base: int
    shape: tuple[int, int, int]
    grid: Grid
    banks: int

    @property
    def words(self) -> int:
        """Words that the tensor takes in each bank."""
        return -(-self.shape[0] // self.banks) * self.grid.words


@dataclass(frozen=True, eq=False)
class Columns:
    """What a linear pass reads: a tensor word by word, and a column of weights for each lane of it.

    Attributes
    ----------
    tensor : name of the tensor
    base, words : of the activation memory, in all banks; at each address one bank after another
    span : lanes of a word that are looked at
    last_words, last_banks : of the words the last so many are looked at in the first so many banks
        alone, which have a channel there
    biases : of the columns hold the bias, highest digit first, in digits of ``weight_width - 1``
        bits and a sign; a column follows for each lane looked at
    bits : of the tensor
    outputs : of the layer, so many in each core as its ``width`` first lanes
    weights : per active core: int64 (columns, N)
    """

    tensor: str
    base: int
    words: int
    span: int
    last_words: int
    last_banks: int
    biases: int
    bits: int
    outputs: int
    width: int
    weights: tuple[np.ndarray, ...]

    def __len__(self) -> int:
        return len(self.weights[0])

    def looked_at(self, banks: int) -> np.ndarray:
        """bool (words, banks): which banks are looked at, at each address."""
        last = np.arange(self.words) >= self.words - self.last_words
        found: np.ndarray = ~last[:, None] | (np.arange(banks) < self.last_banks)
        return found


@dataclass(frozen=True, eq=False)
class Pass:
    """Up to C output channels of one layer; all channels of a max pooling layer.

    Where lanes are outputs, what is said of channels is true of words of a vector.

    Attributes
    ----------
    layer : index of the layer in the integer network
    pool, raw : max pooling; accumulators to the output stream
    after : reads what an earlier pass has to store first
    frees_input : from here on nothing reads the network's input or is stored in its place
    first_channel, channels : output channels; core i makes first_channel + i
    segments : one or two; none where lanes are outputs
    bundles : per active core: packed bundles of terms of one tile
    bias : per active core
    scales : per active core; empty for raw and pool
    q_max : upper clamp
    grid : in which the output is made: the columns of the tensors read
    output : where it lies, in that grid or in ``grid.halved()``; for a raw pass its grid only
    columns : where lanes are outputs
    """

    layer: int
    pool: bool
    raw: bool
    after: bool
    frees_input: bool
    first_channel: int
    channels: int
    segments: tuple[Segment, ...]
    bundles: tuple[np.ndarray, ...]
    bias: tuple[int, ...]
    scales: tuple[Scale, ...]
    q_max: int
    grid: Grid
    output: Placement
    columns: Columns | None = None

    @property
    def steps(self) -> int:
        """Requantiser steps per core and tile: the longest of the cores' scales."""
        return max((len(scale.steps) for scale in self.scales), default=0)

    @property
    def tiles(self) -> int:
        """Words of each output channel, each a tile of the pass."""
        return self.grid.words

    @property
    def halve(self) -> bool:
        """Whether a word is stored as two halves, in a grid of half as many columns."""
        return not self.raw and self.grid.columns != self.output.grid.columns

    @property
    def windows(self) -> int:
        """Windows of a tile."""
        return sum(segment.windows for segment in self.segments)

    def stores(self, tile: int, lanes: int) -> list[tuple[int, np.ndarray, np.ndarray]]:
        """A tile's stores: word of the channel, the lane that each lane takes, lanes written."""
        lane = np.arange(lanes)
        if not self.halve:
            return [(tile, lane, np.ones(lanes, bool))]
        columns, stored = self.grid.columns, self.output.grid
        row, step = divmod(tile, self.grid.steps)
        upper, row = divmod(row, stored.rows)
        return [
            (
                row * stored.steps + phase * self.grid.steps + step,
                lane - lane % columns + (2 * lane + phase) % columns,
                lane // stored.columns % 2 == upper,
            )
            for phase in range(2)
        ]

    def place(self, channel: int) -> tuple[int, int]:
        """(bank, first word) of the channel that core ``channel`` makes, or of a pooled one."""
        group, bank = divmod(self.first_channel + channel, self.output.banks)
        return bank, self.output.base + group * self.output.grid.words


@dataclass(frozen=True, eq=False)
class Program:
    """One integer network, compiled for one configuration.

    Attributes
    ----------
    config : the hardware that it is for
    encoding : name of that of the weights
    placements : every tensor that lies in the activation memory, the input included
    input : name of the input tensor
    passes : in order of execution
    layer_names : name of each layer of the integer network
    output_shape : (C, H, W) of the network's output
    channel_orders : of each layer the integer network's channel that each of its channels is
    """

    config: AcceleratorConfig
    encoding: str
    placements: dict[str, Placement]
    input: str
    passes: tuple[Pass, ...]
    layer_names: tuple[str, ...]
    output_shape: tuple[int, int, int]
    channel_orders: tuple[tuple[int, ...], ...]

    @property
    def term_words(self) -> tuple[int, ...]:
        """Bundles in each core's memory."""
        return tuple(
            sum(len(p.bundles[core]) for p in self.passes if core < len(p.bundles))
            for core in range(self.config.cores)
        )

    @property
    def linear(self) -> bool:
        """Whether some passes have lanes as outputs: data decide how long those take."""
        return any(p.columns for p in self.passes)

    @property
    def weight_words(self) -> int:
        """Columns of weights in each core's memory."""
        return sum(len(p.columns) for p in self.passes if p.columns)
