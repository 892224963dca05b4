"""Programs whose words are stored as two halves, put together from programs of several grids."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.integer.network import IntegerNetwork
from pann_hw.program import compile as compiler
from pann_hw.program.grid import Grid
from pann_hw.program.program import Program
from tests.random_networks import NetworkBuilder

__all__ = ["halving_network", "halving_program"]


def halving_network(
    rng: np.random.Generator, height: int, width: int
) -> tuple[IntegerNetwork, np.ndarray]:
    """Two convolutions, pooling and a raw convolution one after another, and its images."""
    b = NetworkBuilder(rng, (3, height, width), 8, zero_point=7)
    first = b.accumulate(b.convolution("x", 5, (3, 3), padding=(1, 1)))
    second = b.accumulate(b.convolution(first, 7, (1, 3), padding=(0, 1)), b.copy(first, 1), bits=3)
    pooled = b.pool(second, (2, 2), (2, 2))
    b.accumulate(b.convolution(pooled, 5, (3, 3), padding=(1, 1)), raw=True)
    return b.network(), b.images


def halving_program(
    network: IntegerNetwork,
    config: AcceleratorConfig,
    encoding: str,
    columns: list[int],
    blocks: tuple[int, int],
    patch: pytest.MonkeyPatch,
) -> Program:
    """A chain of layers, each of which is made in a grid of its own.

    Parameters
    ----------
    columns : of the grid of each layer; the next one's is the same or half as many
    blocks : height and width of a lane's block of the input in the first layer's grid
    """
    programs = []
    for number in columns:
        halvings = (columns[0] // number).bit_length() - 1
        rows, steps = blocks[0] >> halvings, blocks[1] << halvings

        grids = {}
        for name, tensor in network.tensors.items():
            _, height, width = tensor.shape
            scale = network.input.shape[1] // height
            grids[name] = Grid(height, width, number, rows // scale, steps // scale)
        with patch.context() as context:
            context.setattr(compiler, "choose_grids", lambda *_, grids=grids: grids)
            programs.append(compiler.compile_network(network, config, encoding))
    passes, placements = [], {network.input.name: programs[0].placements[network.input.name]}
    for index, program in enumerate(programs):
        following = programs[min(index + 1, len(programs) - 1)]
        name = program.layer_names[index]
        for item in program.passes:
            if item.layer == index:
                output = item.output if item.raw else following.placements[name]
                passes.append(replace(item, output=output))
                assert item.raw or output.base == item.output.base
                assert output.grid in (item.grid, item.grid.halved())
        if name in following.placements:
            placements[name] = following.placements[name]
    return replace(programs[0], placements=placements, passes=tuple(passes))
