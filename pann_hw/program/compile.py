"""The compiler: integer network -> program of terms for one accelerator configuration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np

from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError
from pann_hw.integer.network import (
    Accumulate,
    IntegerNetwork,
    MaxPool,
    Source,
    Tensor,
    accumulator_bits,
)
from pann_hw.program.allocate import input_is_free
from pann_hw.program.arrange import arrange
from pann_hw.program.encoding import Encoding, create_encoding
from pann_hw.program.grid import Grid
from pann_hw.program.layout import (
    CORE_WORDS,
    MAX_POINTS,
    PASS_WORDS,
    SEGMENT_WORDS,
    directory_stride,
)
from pann_hw.program.linear import linear_passes
from pann_hw.program.order import order_channels
from pann_hw.program.program import Pass, Placement, Program
from pann_hw.program.schedule import WeightWindow, bundles
from pann_hw.program.windows import Segment, pairs, shares

__all__ = ["compile_network", "descriptor_words"]


def compile_network(network: IntegerNetwork, config: AcceleratorConfig, encoding: str) -> Program:
    """Compile a network; ``encoding`` is one of the lanes': :func:`encoding_names`.

    Raises
    ------
    InputError : the network does not fit the configuration; the message says what is needed and
        which parameter to raise
    """
    terms = create_encoding(config, encoding)
    output_shape = network.layers[-1].output.shape
    network, orders = order_channels(network, terms)
    arrangement = arrange(network, config)
    network, placements = arrangement.network, arrangement.placements
    tensors = network.tensors
    passes: list[Pass] = []
    for index, layer in enumerate(network.layers):
        grid = arrangement.grids.computed[layer.output.name]
        if isinstance(layer, MaxPool):
            passes.append(_pool_pass(index, layer, tensors, placements, grid))
        else:
            _check_layer(layer, tensors, config)
            if index in arrangement.linear.layers:
                passes += linear_passes(index, network, arrangement.linear, placements, config)
            else:
                passes += _passes(index, layer, tensors, placements, grid, config, terms)
    free = input_is_free(network, placements)
    passes = [replace(one, frees_input=one.after and one.layer == free) for one in passes]
    program = Program(
        config,
        encoding,
        placements,
        network.input.name,
        tuple(passes),
        tuple(layer.output.name for layer in network.layers),
        output_shape,
        tuple(tuple(orders[layer.output.name].tolist()) for layer in network.layers),
    )
    _check_program(program)
    return program


def descriptor_words(program: Program) -> int:
    """32-bit words that the program's pass descriptors take, without the directory."""
    return sum(
        PASS_WORDS
        + max(len(p.segments), 1) * SEGMENT_WORDS
        + (0 if p.pool else p.channels * CORE_WORDS)
        for p in program.passes
    )


def _check_layer(layer: Accumulate, tensors: dict[str, Tensor], config: AcceleratorConfig) -> None:
    name = layer.output.name
    bits = accumulator_bits(layer, tensors)
    if bits > config.accumulator_width:
        raise InputError(
            f"layer {name!r} needs accumulators of {bits} bits, the configuration has "
            f"{config.accumulator_width}: raise accumulator_width (at most 32)"
        )


def _segment(
    source: Source | MaxPool,
    kernel: tuple[int, int],
    channels: tuple[int, int],
    output: Tensor,
    grid: Grid,
    place: Placement,
    tensor: Tensor,
    *,
    by_rows: bool = False,
) -> Segment:
    """How a pass reads whole groups of channels, those from ``channels[0]`` to ``channels[1]``.

    ``grid`` is the output's, ``place`` the tensor's.
    """
    first = channels[0] // place.banks
    groups = -(-channels[1] // place.banks) - first
    return Segment(
        source.tensor,
        place.base + first * place.grid.words,
        first * place.banks,
        groups * place.banks,
        place.grid,
        kernel,
        source.stride,
        source.padding,
        0 if isinstance(source, MaxPool) else tensor.zero_point,
        place.banks,
        # What neighbours read is beside each other only where each makes one pixel of a row.
        grid.steps == 1 and shares(source, output.shape[2], tensor),
        pairs(source, output.shape[2], place.grid),
        by_rows,
    )


def _pool_pass(
    index: int,
    layer: MaxPool,
    tensors: dict[str, Tensor],
    placements: dict[str, Placement],
    grid: Grid,
) -> Pass:
    output, channels = layer.output, layer.output.shape[0]
    place = placements[layer.tensor]
    segment = _segment(
        layer, layer.kernel, (0, channels), output, grid, place, tensors[layer.tensor]
    )
    return Pass(
        layer=index,
        pool=True,
        raw=False,
        after=True,
        frees_input=False,
        first_channel=0,
        channels=channels,
        segments=(segment,),
        bundles=(),
        bias=(),
        scales=(),
        q_max=0,
        grid=grid,
        output=placements[output.name],
    )


def _passes(
    index: int,
    layer: Accumulate,
    tensors: dict[str, Tensor],
    placements: dict[str, Placement],
    grid: Grid,
    config: AcceleratorConfig,
    encoding: Encoding,
) -> Iterator[Pass]:
    output = layer.output
    place = placements.get(output.name, Placement(0, output.shape, grid, config.banks))
    for first, last in _channel_groups(layer, config.cores):
        sources = [s for s in layer.sources if _covers(s, first)]
        segments = []
        for source in sources:
            tensor = tensors[source.tensor]
            per_group = len(source.weights) // source.groups
            inputs = source.weights.shape[1]
            group_first = (first - source.first_channel) // per_group
            group_last = (last - 1 - source.first_channel) // per_group
            channels = (group_first * inputs, (group_last + 1) * inputs)
            kernel = (source.weights.shape[2], source.weights.shape[3])
            segments.append(
                _segment(
                    source,
                    kernel,
                    channels,
                    output,
                    grid,
                    placements[source.tensor],
                    tensor,
                    by_rows=group_first != group_last,
                )
            )
        pairs = list(zip(sources, segments, strict=True))
        yield Pass(
            layer=index,
            pool=False,
            raw=layer.raw,
            after=first == 0,
            frees_input=False,
            first_channel=first,
            channels=last - first,
            segments=tuple(segments),
            bundles=tuple(
                bundles(_channel_weights(pairs, channel), config, encoding)
                for channel in range(first, last)
            ),
            bias=tuple(int(value) for value in layer.bias[first:last]),
            scales=() if layer.scales is None else layer.scales[first:last],
            q_max=0 if layer.raw else layer.q_max,
            grid=grid,
            output=place,
        )


def _covers(source: Source, channel: int) -> bool:
    return source.first_channel <= channel < source.first_channel + len(source.weights)


def _channel_groups(layer: Accumulate, cores: int) -> Iterator[tuple[int, int]]:
    """Ranges of at most ``cores`` output channels that all have the same sources."""
    edges = {0, layer.output.shape[0]}
    for source in layer.sources:
        edges |= {source.first_channel, source.first_channel + len(source.weights)}
    for low, high in pairwise(sorted(edges)):
        for first in range(low, high, cores):
            yield first, min(first + cores, high)


def _channel_weights(pairs: list[tuple[Source, Segment]], channel: int) -> list[WeightWindow]:
    """The weights of one output channel under every window of its pass."""
    result: list[WeightWindow] = []
    for source, segment in pairs:
        output = channel - source.first_channel
        per_group = len(source.weights) // source.groups
        inputs = source.weights.shape[1]
        first_input = output // per_group * inputs - segment.first_channel
        kernels: np.ndarray = source.weights[output]
        for window in segment.window_list():
            within = window.channel - first_input
            if 0 <= within < inputs:
                result.append(
                    [
                        (offset, int(kernels[within, window.row, column]))
                        for offset, column in window.taps
                    ]
                )
            else:
                result.append(())
    return result


def _check_program(program: Program) -> None:
    config = program.config
    words = MAX_POINTS * directory_stride(config) + descriptor_words(program)
    if words > config.descriptor_words:
        raise InputError(
            f"the program needs {words} descriptor words, the configuration has "
            f"{config.descriptor_words}: raise descriptor_words (at most 65536)"
        )
    terms = max(program.term_words)
    if terms > config.term_words:
        raise InputError(
            f"the program needs {terms} bundles of terms in one core's memory, the configuration "
            f"has {config.term_words}: raise term_words (at most 131072), or cores"
        )
