"""Sizes of accelerators: the first that is fast enough, and memories that are just large enough."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError
from pann_hw.integer.network import Accumulate, IntegerNetwork
from pann_hw.integer.terms import encode
from pann_hw.machine.cycles import largest_words, linear_words
from pann_hw.machine.machine import Machine
from pann_hw.machine.sizing import additions, fit_points, fitted, smallest
from pann_hw.program.compile import compile_network
from pann_hw.program.encoding import Shifts
from pann_hw.program.image import link
from pann_hw.program.layout import MAX_POINTS, bundle_fields, directory_stride
from tests.random_networks import NetworkBuilder

BASE = AcceleratorConfig()


@pytest.fixture(scope="module")
def network() -> IntegerNetwork:
    b = NetworkBuilder(np.random.default_rng(3), (3, 12, 12), 4)
    first = b.accumulate(b.convolution("x", 6, (3, 3), padding=(1, 1)))
    second = b.accumulate(b.convolution(first, 8, (3, 3), (2, 2), (1, 1)))
    b.accumulate(b.convolution(second, 4, (6, 6)), raw=True)
    return b.network()


def cycles(network: IntegerNetwork, config: AcceleratorConfig) -> int:
    """At most so many from an inference to the next."""
    program = compile_network(network, config, "csd")
    return Machine(link([program])).intervals([0, 0], largest_words(program) * 2)[-1]


def test_the_first_size_that_is_fast_enough(network: IntegerNetwork) -> None:
    tried = smallest(network, "csd", 4000, BASE)
    assert [one.meets for one in tried] == [False] * (len(tried) - 1) + [True]
    assert len(tried) > 1
    sizes = [one.adders for one in tried]
    assert sizes == sorted(sizes)
    for one in tried:
        assert one.meets == (one.cycles <= 4000)
        assert one.adders == one.config.lanes * one.config.cores * one.config.terms
        assert cycles(network, one.config) == one.cycles
    assert {one.config.window_slots for one in tried} == {BASE.window_slots}


def test_what_is_not_tried_cannot_be_fast_enough(network: IntegerNetwork) -> None:
    limit = 1700
    # The linear layer takes as long as its activations have bits.
    rest = network.layers[:-1]
    tried = {(one.config.lanes, one.config.cores) for one in smallest(network, "csd", limit, BASE)}
    for lanes, cores in ((4, 1), (4, 2), (8, 1)):
        assert lanes * cores * BASE.terms * limit < additions(rest, Shifts(BASE.shift))
        assert (lanes, cores) not in tried
        config = replace(BASE, lanes=lanes, cores=cores, activation_words=8192)
        assert cycles(network, config) > limit


def test_columns_are_for_linear_layers(network: IntegerNetwork) -> None:
    """As wide as the weights, whatever the base has; none where no layer has lanes as outputs."""
    last = network.layers[-1]
    assert isinstance(last, Accumulate)
    largest = int(np.abs(last.sources[0].weights).max())
    for base in (BASE, replace(BASE, weight_words=3, weight_width=8)):
        configs = [one.config for one in smallest(network, "csd", 4000, base)]
        columns = [compile_network(network, one, "csd").weight_words for one in configs]
        assert columns == [one.weight_words for one in configs]
        assert max(columns) > 8 * 6 * 6 > min(columns)
        assert {one.layer_kinds for one in configs} == {"all"}
        assert {one.weight_width for one in configs} == {largest.bit_length() + 1}
    padded = NetworkBuilder(np.random.default_rng(3), (3, 6, 6), 4)
    padded.accumulate(padded.convolution("x", 4, (6, 6), padding=(1, 1)), raw=True)
    base = replace(BASE, layer_kinds="linear", weight_words=3)
    config = smallest(padded.network(), "csd", 10000, base)[-1].config
    assert (config.layer_kinds, config.weight_words) == ("all", 0)


def test_linear_layers_alone_need_no_windows() -> None:
    rng = np.random.default_rng(4)
    b = NetworkBuilder(rng, (40, 1, 1), 4)
    hidden = b.accumulate(b.convolution("x", 24, (1, 1)), one_scale=True)
    b.accumulate(b.convolution(hidden, 10, (1, 1)), raw=True)
    network = b.network()
    slow, *_, fast = smallest(network, "csd", 320, BASE)
    assert not slow.meets and fast.meets and fast.cycles <= 320 < slow.cycles
    assert slow.adders < fast.adders
    config = fast.config
    assert config.layer_kinds == "linear" and not config.windows
    program = compile_network(network, config, "csd")
    assert all(one.columns for one in program.passes)
    assert cycles(network, config) == fast.cycles
    # No input takes more.
    words = linear_words(program, b.images)
    machine = Machine(link([program]))
    assert all(machine.intervals([0, 0], each * 2)[-1] <= fast.cycles for each in words)
    for name in ("weight_words", "descriptor_words"):
        small = replace(config, **{name: getattr(config, name) - 1})
        with pytest.raises(InputError, match=name):
            compile_network(network, small, "csd")


def test_memories_are_just_large_enough(network: IntegerNetwork) -> None:
    config = smallest(network, "csd", 10000, BASE)[-1].config
    program = compile_network(network, config, "csd")
    assert fitted(program) == config
    words = max(place.base + place.words for place in program.placements.values())
    assert words * config.banks == config.activation_words
    for name in ("term_words", "descriptor_words"):
        with pytest.raises(InputError, match=name):
            small = replace(config, **{name: getattr(config, name) - 1})
            link([compile_network(network, small, "csd")])


def test_hardware_without_columns_has_unsigned_accumulators(network: IntegerNetwork) -> None:
    """Columns need signs; where a size is faster without, its program is for what it names."""
    tried = smallest(network, "csd", 1700, BASE)
    assert {one.config.unsigned for one in tried} == {False, True}
    for one in tried:
        assert one.config.unsigned == (one.config.weight_words == 0)
        assert one.config.accumulator is None
        assert cycles(network, one.config) == one.cycles


def test_bundles_stay_what_they_are_without_columns(network: IntegerNetwork) -> None:
    """A program for signed accumulators is not one for unsigned ones."""
    base = replace(BASE, weight_words=4096, weight_width=2, activation_words=8192)
    program = compile_network(network, base, "csd")
    config = fitted(program)
    assert config.weight_words == 0 and not config.unsigned
    assert bundle_fields(config) == bundle_fields(base)


def test_the_share_of_a_word_that_is_requantised_stays(network: IntegerNetwork) -> None:
    base = replace(BASE, lanes=16, requantise_lanes=4)
    for one in smallest(network, "csd", 4000, base):
        assert one.config.part_lanes == one.config.lanes // 4


@pytest.mark.parametrize("max_shift", [0, 3])
def test_additions_are_the_terms_of_all_outputs(network: IntegerNetwork, max_shift: int) -> None:
    expected: int = sum(
        len(encode(int(weight), max_shift)) * layer.output.shape[1] * layer.output.shape[2]
        for layer in network.layers
        if isinstance(layer, Accumulate)
        for source in layer.sources
        for weight in source.weights.ravel()
    )
    assert additions(network.layers, Shifts(max_shift)) == expected


def test_conventional_lanes(network: IntegerNetwork) -> None:
    """No columns for linear layers; an accumulator without gate stays one."""
    base = replace(BASE, lane="mac", multiplier_width=4, low_bits=BASE.accumulator_width)
    found = smallest(network, "sparse", 20000, base)[-1]
    config = found.config
    assert found.cycles <= 20000 and (config.lane, config.multiplier_width) == ("mac", 4)
    assert not config.linear and config.windows
    assert config.low_bits == config.accumulator_width < BASE.accumulator_width
    gated = replace(base, low_bits=5)
    assert smallest(network, "sparse", 20000, gated)[-1].config == replace(config, low_bits=5)


def test_too_fast_is_refused(network: IntegerNetwork) -> None:
    with pytest.raises(InputError, match=r"10 cycles .* has \d+ additions, at least \d+ cycles"):
        smallest(network, "csd", 10, BASE)
    needed = additions(network.layers, Shifts(3))
    limit = needed / (64 * 16 * BASE.terms) + 1
    with pytest.raises(InputError, match=r"the fewest are \d+, with \d+ lanes and \d+ cores"):
        smallest(network, "csd", limit, BASE)


def test_memories_for_operating_points(network: IntegerNetwork) -> None:
    base = replace(BASE, lanes=8, cores=2)
    one, two = (fit_points([network] * count, "csd", base) for count in (1, 2))
    assert two.term_words == 2 * one.term_words
    assert two.activation_words == one.activation_words
    directory = MAX_POINTS * directory_stride(base)
    assert two.descriptor_words - directory == 2 * (one.descriptor_words - directory)
    link([compile_network(network, two, "csd")] * 2)
    for name in ("term_words", "descriptor_words"):
        short = replace(two, **{name: getattr(two, name) - 1})
        with pytest.raises(InputError, match=name):
            link([compile_network(network, short, "csd")] * 2)
