"""The compiler: what fits exactly is compiled, anything more is one line that says what to do."""

from __future__ import annotations

import numpy as np
import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError
from pann_hw.integer.network import (
    Accumulate,
    IntegerNetwork,
    Source,
    Tensor,
)
from pann_hw.integer.requantise import Scale
from pann_hw.integer.run import run
from pann_hw.machine.interpret import execute
from pann_hw.program.compile import compile_network, descriptor_words
from pann_hw.program.image import link
from tests.random_networks import layer_arrays, one_layer, residual_network, width_needed

LARGE = AcceleratorConfig(activation_words=65536, term_words=65536, descriptor_words=65536)


def refused(message: str, network: IntegerNetwork, config: AcceleratorConfig = LARGE) -> None:
    with pytest.raises(InputError, match=message) as caught:
        link([compile_network(network, config, "unary")])
    assert "\n" not in str(caught.value)


def test_encoding_is_checked(rng: np.random.Generator) -> None:
    network, _ = residual_network(rng, 2)
    with pytest.raises(InputError, match="encoding 'booth': must be one of csd, unary"):
        compile_network(network, AcceleratorConfig(), "booth")


def test_csd_needs_a_shifter(rng: np.random.Generator) -> None:
    network, _ = residual_network(rng, 2)
    with pytest.raises(
        InputError, match="encoding 'csd': must be one of unary for lanes of kind unary"
    ):
        compile_network(network, AcceleratorConfig(lane="unary"), "csd")


def test_accumulators_just_wide_enough(rng: np.random.Generator) -> None:
    network, _ = residual_network(rng, 2)
    needed = width_needed(network)
    config = AcceleratorConfig(accumulator_width=needed, descriptor_words=4096)
    compile_network(network, config, "unary")
    config = AcceleratorConfig(accumulator_width=needed - 1, descriptor_words=4096)
    message = rf"layer 't\d+' needs accumulators of {needed} bits, .* {needed - 1}: raise accumu"
    refused(message, network, config)


def test_memories_just_large_enough(rng: np.random.Generator) -> None:
    network, _ = residual_network(rng, 2)
    program = compile_network(network, LARGE, "unary")
    terms, words = max(program.term_words), len(link([program]).descriptors)
    assert words > descriptor_words(program)
    fits = AcceleratorConfig(term_words=terms, descriptor_words=words)
    link([compile_network(network, fits, "unary")])
    small = AcceleratorConfig(term_words=terms - 1)
    refused(
        rf"needs {terms} bundles of terms in one core's .* has {terms - 1}: raise term_words",
        network,
        small,
    )
    small = AcceleratorConfig(descriptor_words=words - 1)
    refused(rf"{words} descriptor words, .* {words - 1}: raise descriptor_words", network, small)


def test_activations_are_checked(rng: np.random.Generator) -> None:
    network, _ = residual_network(rng, 2)
    refused("words of 8 activations .* raise activation_words", network, AcceleratorConfig(
        activation_words=16, descriptor_words=4096))  # fmt: skip


@pytest.mark.parametrize("stride", [1, 2, 3, 5, 8, 11])
@pytest.mark.parametrize("axis", [0, 1])
def test_any_stride(axis: int, stride: int, rng: np.random.Generator) -> None:
    shape, strides = ((2, 31, 3), (stride, 1)) if axis == 0 else ((2, 3, 31), (1, stride))
    network = one_layer(shape, (2, 3), strides, (1, 1))
    program = compile_network(network, AcceleratorConfig(), "unary")
    x = rng.integers(0, 256, (2, *shape))
    result = execute(program, x)
    found = layer_arrays(network, program, result.stores, result.outputs)["y"]
    assert (found == run(network, x)["y"].numpy()).all()


def test_stores_are_waited_for_once_a_layer(rng: np.random.Generator) -> None:
    network, _ = residual_network(rng, 2)
    program = compile_network(network, AcceleratorConfig(cores=2), "csd")
    layers = [item.layer for item in program.passes]
    firsts = [index == 0 or layers[index] != layers[index - 1] for index in range(len(layers))]
    assert [item.after for item in program.passes] == firsts
    assert not all(firsts)


def test_channels_are_grouped_by_their_sources(rng: np.random.Generator) -> None:
    """No pass mixes channels of different sources, and none has more channels than cores."""
    scales = (Scale.nearest(0.1),) * 7
    one = np.ones((3, 2, 1, 1), np.int64)
    sources = (
        Source("x", one),
        Source("x", one, first_channel=2),
        Source("x", one[:2], first_channel=5),
    )
    layer = Accumulate(Tensor("a", (7, 2, 2), 4), sources, np.zeros(7, np.int64), scales, 15)
    last = Accumulate(
        Tensor("y", (1, 2, 2), 4),
        (Source("a", np.ones((1, 7, 1, 1), np.int64)),),
        np.zeros(1, np.int64),
        None,
        0,
    )
    network = IntegerNetwork(Tensor("x", (2, 2, 2), 8), (layer, last))
    program = compile_network(network, AcceleratorConfig(cores=2), "csd")
    ranges = [
        (p.first_channel, p.channels, len(p.segments)) for p in program.passes if p.layer == 0
    ]
    assert ranges == [(0, 2, 1), (2, 1, 2), (3, 2, 1), (5, 2, 1)]
    x = rng.integers(0, 256, (2, 2, 2, 2))
    result = execute(program, x)
    found = layer_arrays(network, program, result.stores, result.outputs)
    assert all((found[name] == run(network, x)[name].numpy()).all() for name in found)
