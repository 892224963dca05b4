"""The program of one operating point: passes with their terms, and where everything lies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pann_hw.config import AcceleratorConfig
from pann_hw.integer.requantise import Scale
from pann_hw.program.windows import Segment

__all__ = ["Pass", "Placement", "Program"]


@dataclass(frozen=True)
class Placement:
    """Where a tensor lies in the activation memory.

    Element (c, y, x) is lane ``x % N`` of word ``base + (c * height + y) * row_words + x // N``.
    """

    base: int
    shape: tuple[int, int, int]
    row_words: int

    @property
    def words(self) -> int:
        """Words that the tensor takes."""
        channels, height, _ = self.shape
        return channels * height * self.row_words


@dataclass(frozen=True, eq=False)
class Pass:
    """Up to C output channels of one layer; all channels of a max pooling layer.

    Attributes
    ----------
    layer : index of the layer in the integer network
    pool, raw : max pooling; accumulators to the output stream
    first_channel, channels : output channels; core i makes first_channel + i
    segments : one or two
    terms : per active core, per rail: packed terms of one tile
    bias : per active core
    scales : per active core; empty for raw and pool
    q_max : upper clamp
    output_base, output_pitch : word addresses (0 for raw)
    rows, width, tiles_per_row : output size in rows, elements and tiles
    """

    layer: int
    pool: bool
    raw: bool
    first_channel: int
    channels: int
    segments: tuple[Segment, ...]
    terms: tuple[tuple[np.ndarray, ...], ...]
    bias: tuple[int, ...]
    scales: tuple[Scale, ...]
    q_max: int
    output_base: int
    output_pitch: int
    rows: int
    width: int
    tiles_per_row: int

    @property
    def steps(self) -> int:
        """Requantiser steps per core and tile: the longest of the cores' scales."""
        return max((len(scale.steps) for scale in self.scales), default=0)

    def last_valid(self, lanes: int) -> int:
        """Lanes in use in a row's last tile."""
        return (self.width - 1) % lanes + 1


@dataclass(frozen=True, eq=False)
class Program:
    """One integer network, compiled for one configuration.

    Attributes
    ----------
    config : the hardware that it is for
    encoding : "unary" or "csd"
    placements : every tensor that lies in the activation memory, the input included
    input : name of the input tensor
    passes : in order of execution
    layer_names : name of each layer of the integer network
    output_shape : (C, H, W) of the network's output
    """

    config: AcceleratorConfig
    encoding: str
    placements: dict[str, Placement]
    input: str
    passes: tuple[Pass, ...]
    layer_names: tuple[str, ...]
    output_shape: tuple[int, int, int]

    @property
    def term_words(self) -> tuple[int, ...]:
        """Terms in each rail's memory, core by core."""
        return tuple(
            sum(len(p.terms[core][rail]) for p in self.passes if core < len(p.terms))
            for core in range(self.config.cores)
            for rail in range(self.config.rails)
        )
