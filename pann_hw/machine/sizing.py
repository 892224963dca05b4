"""The smallest accelerator that runs a network at a rate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError
from pann_hw.integer.network import Accumulate, IntegerNetwork, Layer, accumulator_bits
from pann_hw.machine.cycles import largest_words
from pann_hw.machine.machine import Machine
from pann_hw.program.compile import compile_network, descriptor_words
from pann_hw.program.encoding import Encoding, create_encoding
from pann_hw.program.image import link
from pann_hw.program.layout import MAX_POINTS, directory_stride
from pann_hw.program.linear import could_be_linear
from pann_hw.program.program import Program

__all__ = ["Sized", "additions", "fit", "fit_points", "fitted", "smallest"]

_LANES = (4, 8, 16, 32, 64)
_CORES = (1, 2, 3, 4, 6, 8, 12, 16)
_MEMORY = 65536
"""Words of every memory while sizes are tried."""


@dataclass(frozen=True)
class Sized:
    """An accelerator and what a network makes of it.

    Attributes
    ----------
    config : with memories as large as the network needs
    adders : terms that it adds in a cycle, lanes * cores * terms of a lane
    cycles : from the end of an inference to the end of the next
    meets : whether that is fast enough
    """

    config: AcceleratorConfig
    adders: int
    cycles: int
    meets: bool


def smallest(
    network: IntegerNetwork,
    encoding: str,
    cycles: float,
    base: AcceleratorConfig,
    progress: Callable[[], None] = lambda: None,
) -> list[Sized]:
    """The accelerators tried, the one to take last: that of the fewest adders that is fast enough.

    Sizes that cannot be, even if every adder added in every cycle, are not tried. Where a linear
    layer can have lanes as outputs there are columns of weights; where all layers are such, nothing
    else. They count with the activations that take the most cycles.

    Parameters
    ----------
    encoding : one of the lanes'
    cycles : at most so many from an inference to the next
    base : all other parameters, but those of columns of weights
    progress : called after each one tried

    Raises
    ------
    InputError : no number of lanes and cores is fast enough; the least cycles are named
    """
    linear = could_be_linear(network, base)
    rest = [layer for layer in network.layers if layer not in linear]
    needed = additions(rest, create_encoding(base, encoding))
    base = _for_linear_layers(linear, base, alone=not rest)
    tried: list[Sized] = []
    for config in _candidates(base):
        adders = config.lanes * config.cores * config.terms
        if needed > cycles * adders:
            continue
        tried.append(_sized(network, encoding, config, cycles))
        progress()
        if tried[-1].meets:
            return tried
    if not tried:
        largest = max(_LANES) * max(_CORES) * base.terms
        raise InputError(
            f"{cycles:.0f} cycles an inference: this network has {needed} additions, at least "
            f"{-(-needed // largest)} cycles with {largest} adders; lower the rate or raise the "
            f"clock"
        )
    best = min(tried, key=lambda one: one.cycles)
    raise InputError(
        f"{cycles:.0f} cycles an inference: the fewest are {best.cycles}, with {best.config.lanes} "
        f"lanes and {best.config.cores} cores; lower the rate or raise the clock"
    )


def additions(layers: Sequence[Layer], encoding: Encoding) -> int:
    """Terms of weights that are added for all outputs of layers."""
    return sum(
        encoding.count(source.weights) * layer.output.shape[1] * layer.output.shape[2]
        for layer in layers
        if isinstance(layer, Accumulate)
        for source in layer.sources
    )


def fit(network: IntegerNetwork, encoding: str, base: AcceleratorConfig) -> Program:
    """A network's program for ``base`` with accumulators and memories that just hold it.

    Where no layer takes the columns of weights that ``base`` has, the program is for hardware
    without them, whose accumulators may need no sign.
    """
    bits = max(
        accumulator_bits(layer, network.tensors)
        for layer in network.layers
        if isinstance(layer, Accumulate)
    )
    width = max(bits, base.step_width, 12)
    config = replace(base, accumulator_width=width, low_bits=_low_bits(base, width))
    program = compile_network(network, config, encoding)
    if not program.weight_words:
        without = replace(config, weight_words=0)
        if without.unsigned != config.unsigned:
            program = compile_network(network, without, encoding)
    return replace(program, config=fitted(program))


def fit_points(
    networks: Sequence[IntegerNetwork], encoding: str, base: AcceleratorConfig
) -> AcceleratorConfig:
    """``base`` with accumulators and memories that just hold networks as operating points.

    Raises
    ------
    InputError : as compile_network(), or what a network has is too large for the program format
    """
    large = replace(
        base,
        activation_words=_MEMORY,
        term_words=2 * _MEMORY,
        descriptor_words=_MEMORY,
        weight_words=_weight_words(base),
        accumulator_width=32,
        low_bits=_low_bits(base, 32),
    )
    found = [fit(network, encoding, large).config for network in networks]
    width = max(one.accumulator_width for one in found)
    directory = MAX_POINTS * directory_stride(base)
    return replace(
        base,
        accumulator_width=width,
        low_bits=_low_bits(base, width),
        activation_words=max(one.activation_words for one in found),
        term_words=sum(one.term_words for one in found),
        weight_words=sum(one.weight_words for one in found),
        descriptor_words=directory + sum(one.descriptor_words - directory for one in found),
    )


def _low_bits(base: AcceleratorConfig, width: int) -> int:
    """Of accumulators of another width: as many as in ``base``, or all where they are not gated."""
    return base.low_bits if base.low_bits < base.accumulator_width else width


def fitted(program: Program) -> AcceleratorConfig:
    """The program's configuration with no more memory than it needs, and the same bundles."""
    config = program.config
    words = max(place.base + place.words for place in program.placements.values())
    directory = MAX_POINTS * directory_stride(config)
    return replace(
        config,
        accumulator="unsigned" if config.unsigned else "signed",
        activation_words=max(config.banks * words, 16),
        term_words=max(*program.term_words, 16),
        weight_words=program.weight_words,
        descriptor_words=max(directory + descriptor_words(program), 64),
    )


def _for_linear_layers(
    linear: Sequence[Accumulate], base: AcceleratorConfig, *, alone: bool
) -> AcceleratorConfig:
    """Columns just wide enough for the weights of linear layers; nothing but those where they are
    ``alone``."""
    if not linear:
        return replace(base, weight_words=0, layer_kinds="all")
    largest = max(int(np.abs(layer.sources[0].weights).max()) for layer in linear)
    width = max(largest.bit_length() + 1, 2)
    kinds = "linear" if alone else "all"
    return replace(base, weight_width=width, weight_words=1, layer_kinds=kinds)


def _candidates(base: AcceleratorConfig) -> Iterator[AcceleratorConfig]:
    """Every number of lanes and cores, by adders; of equals the one of more lanes first."""
    shapes = sorted(
        ((lanes * cores, -lanes, cores) for lanes in _LANES for cores in _CORES),
        key=lambda s: s[:2],
    )
    for _, lanes, cores in shapes:
        # The same share of a word, or as many words.
        share = base.requantise_lanes and max(1, -lanes * base.requantise_lanes // base.lanes)
        yield replace(
            base,
            lanes=-lanes,
            cores=cores,
            requantise_lanes=share,
            input_elements=min(base.input_elements, -lanes),
            activation_words=_MEMORY,
            term_words=_MEMORY,
            descriptor_words=_MEMORY,
            weight_words=_weight_words(replace(base, lanes=-lanes)),
        )


def _weight_words(base: AcceleratorConfig) -> int:
    """The most columns of weights that there may be; 0 where none are wanted."""
    return min(2**17 // base.column_words, _MEMORY) if base.linear else 0


def _sized(
    network: IntegerNetwork, encoding: str, config: AcceleratorConfig, cycles: float
) -> Sized:
    program = fit(network, encoding, config)
    words = largest_words(program) * 2
    found = Machine(link([program])).intervals([0, 0], words)[-1]
    adders = config.lanes * config.cores * config.terms
    return Sized(program.config, adders, found, found <= cycles)
