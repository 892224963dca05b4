"""The compiler: integer network -> program of terms for one accelerator configuration."""

from __future__ import annotations

from collections.abc import Iterator
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
from pann_hw.integer.terms import ENCODINGS
from pann_hw.program.allocate import allocate
from pann_hw.program.layout import (
    CORE_WORDS,
    MAX_POINTS,
    PASS_WORDS,
    SEGMENT_WORDS,
    directory_stride,
)
from pann_hw.program.limits import check_tensors, check_windows
from pann_hw.program.program import Pass, Placement, Program
from pann_hw.program.schedule import WeightWindow, rail_streams
from pann_hw.program.windows import Segment, windows

__all__ = ["compile_network", "descriptor_words"]


def compile_network(network: IntegerNetwork, config: AcceleratorConfig, encoding: str) -> Program:
    """Compile a network; ``encoding`` is "unary" or "csd".

    Raises
    ------
    InputError : the network does not fit the configuration; the message says what is needed and
        which parameter to raise
    """
    if encoding not in ENCODINGS:
        raise InputError(f"encoding {encoding!r}: must be one of {', '.join(ENCODINGS)}")
    if encoding == "csd" and not config.shift:
        raise InputError('encoding "csd" needs lanes that shift: set lane = csd, or use unary')
    max_shift = config.shift if encoding == "csd" else 0
    check_tensors(network, config)
    tensors = network.tensors
    placements = allocate(network, config)
    passes: list[Pass] = []
    for index, layer in enumerate(network.layers):
        if isinstance(layer, MaxPool):
            passes.append(_pool_pass(index, layer, tensors, placements, config))
        else:
            _check_layer(layer, tensors, config)
            passes += _passes(index, layer, tensors, placements, config, max_shift)
    program = Program(
        config,
        encoding,
        placements,
        network.input.name,
        tuple(passes),
        tuple(layer.output.name for layer in network.layers),
        network.layers[-1].output.shape,
    )
    _check_program(program)
    return program


def descriptor_words(program: Program) -> int:
    """32-bit words that the program's pass descriptors take, without the directory."""
    return sum(
        PASS_WORDS + len(p.segments) * SEGMENT_WORDS + (0 if p.pool else p.channels * CORE_WORDS)
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


def _check_stride(name: str, stride: int, width: int, config: AcceleratorConfig) -> int:
    """The stride to run with: one output column needs none."""
    if width == 1:
        return 1
    if stride > config.max_stride:
        raise InputError(
            f"layer {name!r} has a horizontal stride of {stride}, the configuration reaches "
            f"{config.max_stride}: raise max_stride (at most 4)"
        )
    return stride


def _segment(
    source: Source | MaxPool,
    kernel: tuple[int, int],
    channels: tuple[int, int],
    output: Tensor,
    tensor: Tensor,
    place: Placement,
    config: AcceleratorConfig,
    pad_value: int,
) -> Segment:
    _, height, width = tensor.shape
    check_windows(output.name, source, kernel, tensor, config)
    stride_x = _check_stride(output.name, source.stride[1], output.shape[2], config)
    return Segment(
        tensor.name,
        place.base,
        channels[0],
        channels[1] - channels[0],
        height,
        width,
        place.row_words,
        kernel,
        (source.stride[0], stride_x),
        source.padding,
        pad_value,
    )


def _pool_pass(
    index: int,
    layer: MaxPool,
    tensors: dict[str, Tensor],
    placements: dict[str, Placement],
    config: AcceleratorConfig,
) -> Pass:
    channels, height, width = layer.output.shape
    place = placements[layer.output.name]
    tensor = tensors[layer.tensor]
    source_place = placements[layer.tensor]
    segment = _segment(
        layer, layer.kernel, (0, channels), layer.output, tensor, source_place, config, 0
    )
    return Pass(
        layer=index,
        pool=True,
        raw=False,
        first_channel=0,
        channels=channels,
        segments=(segment,),
        terms=(),
        bias=(),
        scales=(),
        q_max=0,
        output_base=place.base,
        output_pitch=height * place.row_words,
        rows=height,
        width=width,
        tiles_per_row=place.row_words,
    )


def _passes(
    index: int,
    layer: Accumulate,
    tensors: dict[str, Tensor],
    placements: dict[str, Placement],
    config: AcceleratorConfig,
    max_shift: int,
) -> Iterator[Pass]:
    _, height, width = layer.output.shape
    row_words = -(-width // config.lanes)
    for first, last in _channel_groups(layer, config.cores):
        sources = [s for s in layer.sources if _covers(s, first)]
        segments = []
        for source in sources:
            tensor = tensors[source.tensor]
            per_group = len(source.weights) // source.groups
            inputs = source.weights.shape[1]
            group_first = (first - source.first_channel) // per_group
            group_last = (last - 1 - source.first_channel) // per_group
            kernel = (source.weights.shape[2], source.weights.shape[3])
            segments.append(
                _segment(
                    source,
                    kernel,
                    (group_first * inputs, (group_last + 1) * inputs),
                    layer.output,
                    tensor,
                    placements[source.tensor],
                    config,
                    tensor.zero_point,
                )
            )
        pairs = list(zip(sources, segments, strict=True))
        terms = [
            rail_streams(_channel_weights(pairs, channel), config, max_shift)
            for channel in range(first, last)
        ]
        place = placements.get(layer.output.name)
        yield Pass(
            layer=index,
            pool=False,
            raw=layer.raw,
            first_channel=first,
            channels=last - first,
            segments=tuple(segments),
            terms=tuple(terms),
            bias=tuple(int(value) for value in layer.bias[first:last]),
            scales=() if layer.scales is None else layer.scales[first:last],
            q_max=0 if layer.raw else layer.q_max,
            output_base=0 if place is None else place.base + first * height * row_words,
            output_pitch=height * row_words,
            rows=height,
            width=width,
            tiles_per_row=row_words,
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
        for window in windows(segment):
            within = window.channel - first_input
            if 0 <= within < inputs:
                columns = window.base + segment.stride[1] * np.arange(window.taps)
                result.append(kernels[within, window.row, columns].tolist())
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
            f"the program needs {terms} terms in one rail's memory, the configuration has "
            f"{config.term_words}: raise term_words (at most 65536), or cores"
        )
