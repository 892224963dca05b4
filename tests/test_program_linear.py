"""Linear layers with lanes as outputs: which are chosen, and in what order columns come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError
from pann_hw.integer.network import Accumulate, IntegerNetwork
from pann_hw.integer.run import run
from pann_hw.machine.interpret import Activations, execute
from pann_hw.program.compile import compile_network
from pann_hw.program.linear import could_be_linear, digits
from pann_hw.program.program import Columns, Pass, Program
from pann_hw.program.stores import output_map
from tests.random_networks import NetworkBuilder, random_config, width_needed

CONFIG = AcceleratorConfig(
    lanes=8, cores=2, banks=2, weight_words=4096, weight_width=4, accumulator_width=20
)
ALONE = replace(CONFIG, layer_kinds="linear")


def vectors(rng: np.random.Generator, *sizes: int, raw: bool = True) -> NetworkBuilder:
    """Linear layers of so many outputs, from an input of the first size."""
    b = NetworkBuilder(rng, (sizes[0], 1, 1), 4)
    name = "x"
    for size in sizes[1:-1]:
        name = b.accumulate(b.convolution(name, size, (1, 1)), bits=4, one_scale=True)
    b.accumulate(b.convolution(name, sizes[-1], (1, 1)), raw=raw)
    return b


def columns_of(program: Program, layer: int) -> list[Columns]:
    return [one.columns for one in program.passes if one.layer == layer and one.columns]


def with_last(network: IntegerNetwork, **changes: Any) -> IntegerNetwork:
    """The network with a change of its last layer."""
    *layers, last = network.layers
    return replace(network, layers=(*layers, replace(last, **changes)))


@pytest.mark.parametrize("max_shift", [0, 1, 3, 7])
@pytest.mark.parametrize("terms", [1, 2, 4])
def test_digits_add_up_to_the_activation(max_shift: int, terms: int) -> None:
    for value in range(256):
        cycles = digits(value, max_shift, terms)
        assert sum(1 << shift for cycle in cycles for shift in cycle) == value
        assert all(len(cycle) == terms for cycle in cycles[:-1])
        shifts = [shift for cycle in cycles for shift in cycle]
        # Bits from the lowest on, and the largest shift as often as it takes.
        assert shifts == sorted(shifts) and all(shift <= max_shift for shift in shifts)
        assert all(shifts.count(shift) == 1 for shift in shifts if shift < max_shift)
        assert bool(cycles) == bool(value)


@pytest.mark.parametrize("weight_width", [2, 4, 8])
def test_columns_of_the_bias_are_its_digits(weight_width: int, rng: np.random.Generator) -> None:
    network = vectors(rng, 5, 6).network()
    bias = np.array([0, 1, -1, 300, -299, 2**11])
    last = network.layers[-1]
    assert isinstance(last, Accumulate)
    few = replace(last.sources[0], weights=last.sources[0].weights.clip(-1, 1))
    network = with_last(network, bias=bias, sources=(few,))
    config = replace(ALONE, weight_width=weight_width)
    (columns,) = columns_of(compile_network(network, config, "unary"), 0)
    base = config.largest_weight + 1
    rows = columns.weights[0][: columns.biases]
    assert abs(rows).max() < base
    assert sum(row * base**place for place, row in enumerate(rows[::-1]))[:6].tolist() == list(bias)
    # No digit more than the largest takes.
    assert base ** (columns.biases - 1) <= 2**11 < base**columns.biases


@pytest.mark.parametrize(
    ("hidden", "outputs", "words", "width", "raw"),
    [(21, 10, 3, 8, (2, 5)), (8, 8, 1, 8, (1, 8)), (3, 7, 1, 3, (1, 7)), (16, 11, 2, 8, (11, 1))],
)
def test_vectors_fill_their_words(
    hidden: int, outputs: int, words: int, width: int, raw: tuple[int, int],
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """But the input and the output have no value behind their last."""
    program = compile_network(vectors(rng, 20, hidden, outputs).network(), ALONE, "csd")
    assert program.placements["x"].shape == (4, 1, 5)
    assert program.placements["t0"].shape == (words, 1, width)
    found = columns_of(program, 1)
    assert found[0].width == raw[1]
    assert sum(len(one.weights) for one in found) == raw[0]
    assert [one.channels for one in program.passes if one.layer == 1] == [2] * (raw[0] // 2) + [
        1
    ] * (raw[0] % 2)


@pytest.mark.parametrize("banks", [1, 2, 4])
@pytest.mark.parametrize("shape", [(5, 1, 1), (3, 6, 5), (4, 9, 20)])
def test_columns_are_in_the_order_of_what_is_read(
    shape: tuple[int, int, int], banks: int, rng: np.random.Generator
) -> None:
    """Every element meets its own weights, and what is no element none, whatever lies there."""
    b = NetworkBuilder(rng, shape, 3)
    stored = b.accumulate(b.copy("x"), bits=3)
    b.accumulate(b.convolution(stored, 30, shape[1:]), raw=True)
    network = b.network()
    config = replace(CONFIG, lanes=16, banks=banks, window_slots=max(4, 2 * banks))
    program = compile_network(network, config, "csd")
    passes = columns_of(program, 1)
    assert passes
    last = network.layers[1]
    assert isinstance(last, Accumulate)
    weights = last.sources[0].weights
    place = program.placements[stored]
    order = program.channel_orders[0]
    width = passes[0].width
    kernel = np.concatenate(
        [w[passes[0].biases :, :width] for one in passes for w in one.weights], 1
    )
    seen = np.zeros(shape, bool)
    column = 0
    for address in range(place.words):
        group, word = divmod(address, place.grid.words)
        for bank in range(banks):
            channel = group * banks + bank
            if channel >= shape[0]:
                continue
            pixels = {lane: pixel for lane, *pixel in place.grid.lanes(word)}
            for lane in range(passes[0].span):
                if lane in pixels:
                    source, (y, x) = order[channel], pixels[lane]
                    assert kernel[column].tolist() == weights[:, source, y, x].tolist()
                    assert not seen[source, y, x]
                    seen[source, y, x] = True
                else:
                    assert not kernel[column].any()
                column += 1
    assert column == len(kernel) and seen.all()


def test_transposed_maps_are_read_as_they_lie() -> None:
    """A map that lies transposed, and an input that comes as it is all the same."""
    rng = np.random.default_rng(8)
    b = NetworkBuilder(rng, (2, 40, 3), 3)
    stored = b.accumulate(b.convolution("x", 3, (3, 3), padding=(1, 1)), bits=3)
    b.accumulate(b.convolution(stored, 16, (40, 3)), raw=True)
    network, x = b.network(), b.images
    program = compile_network(network, replace(CONFIG, lanes=32), "csd")
    assert program.placements[stored].grid.transposed and columns_of(program, 1)
    check_outputs(program, network, x)


def check_outputs(program: Program, network: IntegerNetwork, x: np.ndarray) -> None:
    """Outputs are PyTorch's, and linear passes read the same whatever memory held before."""
    executed = execute(program, x)
    wanted = run(network, x)[network.layers[-1].output.name].numpy()
    assert (executed.outputs == wanted[(slice(None), *np.array(output_map(program)).T)]).all()
    config = program.config
    found = Activations.reset(config, len(x))
    found.memory[...] = np.random.default_rng(0).integers(0, 256, found.memory.shape)
    again = execute(program, x, found=found)
    assert (again.outputs == executed.outputs).all()
    passes = [one.columns for one in program.passes if one.columns]
    for columns, words, others in zip(passes, executed.words, again.words, strict=True):
        on = columns.looked_at(config.banks).ravel()
        assert (words[:, on, : columns.span] == others[:, on, : columns.span]).all()


@pytest.mark.parametrize("number", range(24))
def test_random_networks(number: int, rng: np.random.Generator) -> None:
    """Maps of every shape, pooled maps and vectors, on both kinds of hardware."""
    shape = (int(rng.integers(1, 9)), int(rng.integers(1, 7)), int(rng.integers(1, 9)))
    b = NetworkBuilder(rng, shape, int(rng.integers(1, 5)))
    name = "x"
    if number % 3:
        channels, stride = int(rng.integers(1, 7)), (int(rng.integers(1, 3)),) * 2
        name = b.accumulate(b.convolution(name, channels, (3, 3), stride, (1, 1)), bits=3)
    if number % 3 == 2:
        name = b.pool(name, (2, 2), (1, 1), (1, 1))
    for _ in range(2):
        outputs = int(rng.integers(24, 50))
        linear = b.convolution(name, outputs, b.shape(name)[1:])
        name = b.accumulate(linear, bits=2, one_scale=True)
    b.accumulate(b.convolution(name, int(rng.integers(9, 30)), (1, 1)), raw=True)
    network = b.network()
    alone = number % 6 == 0
    config = random_config(
        rng, lanes=int(rng.choice([16, 32])), cores=int(rng.integers(1, 3)), weight_words=16384,
        layer_kinds="linear" if alone else "all", accumulator_width=max(width_needed(network), 18),
    )  # fmt: skip
    program = compile_network(network, config, "unary")
    assert program.linear
    check_outputs(program, network, b.images)


def padded(b: NetworkBuilder) -> None:
    b.accumulate(b.convolution("x", 9, (2, 2), padding=(1, 1)), raw=True)


def grouped(b: NetworkBuilder) -> None:
    b.accumulate(b.convolution("x", 4, (2, 2), groups=2), raw=True)


def two_sources(b: NetworkBuilder) -> None:
    b.accumulate(b.convolution("x", 9, (2, 2)), b.convolution("x", 9, (2, 2)), raw=True)


def part_of_a_map(b: NetworkBuilder) -> None:
    b.accumulate(b.convolution("x", 9, (1, 2)), raw=True)


def pooled(b: NetworkBuilder) -> None:
    b.accumulate(b.convolution(b.pool("x", (2, 2), (1, 1)), 9, (1, 1)), raw=True)


def scaled(b: NetworkBuilder) -> None:
    hidden = b.accumulate(b.convolution("x", 9, (2, 2)))
    b.accumulate(b.convolution(hidden, 9, (1, 1)), raw=True)


@pytest.mark.parametrize(
    ("make", "layer", "reason"),
    [
        (padded, "t0", "has padding"),
        (grouped, "t0", "is not one linear layer of a whole map"),
        (two_sources, "t0", "is not one linear layer of a whole map"),
        (part_of_a_map, "t0", "is not one linear layer of a whole map"),
        (pooled, "t0", "is max pooling"),
        (scaled, "t0", "has a scale for each output"),
    ],
)
def test_what_no_lane_can_be_an_output_of(
    make: Callable[[NetworkBuilder], None], layer: str, reason: str, rng: np.random.Generator
) -> None:
    b = NetworkBuilder(rng, (4, 2, 2), 4)
    make(b)
    network = b.network()
    message = (
        f"^layer '{layer}' {reason}: hardware with layer_kinds = linear has no windows for it; "
        "use layer_kinds = all$"
    )
    with pytest.raises(InputError, match=message):
        compile_network(network, ALONE, "csd")
    program = compile_network(network, CONFIG, "csd")
    assert not columns_of(program, 0)
    check_outputs(program, network, b.images)
    assert layer not in {one.output.name for one in could_be_linear(network, CONFIG)}


def test_weights_are_no_wider_than_columns(rng: np.random.Generator) -> None:
    b = vectors(rng, 12, 16)
    network = b.network()
    last = network.layers[-1]
    assert isinstance(last, Accumulate)
    weights = last.sources[0].weights.copy()
    weights[3, 5] = -8
    network = with_last(network, sources=(replace(last.sources[0], weights=weights),))
    message = "layer 't0' has weights up to 8, at most 7 are in a column"
    with pytest.raises(InputError, match=message):
        compile_network(network, ALONE, "csd")
    assert not compile_network(network, CONFIG, "csd").linear
    program = compile_network(network, replace(ALONE, weight_width=5), "csd")
    check_outputs(program, network, b.images)
    # Columns of some width would do.
    assert could_be_linear(network, CONFIG) == list(network.layers)
    assert could_be_linear(network, replace(CONFIG, operand_width=3)) == []


def test_without_columns_no_layer_is_chosen(rng: np.random.Generator) -> None:
    network = vectors(rng, 12, 16).network()
    assert compile_network(network, CONFIG, "csd").linear
    assert not compile_network(network, replace(CONFIG, weight_words=0), "csd").linear


def test_layers_are_chosen_where_they_take_fewer_cycles(rng: np.random.Generator) -> None:
    """Two outputs in two cores take as long as their weights, in lanes as long as activations."""
    for outputs, chosen in ((2, False), (16, True)):
        b = NetworkBuilder(rng, (30, 1, 1), 4)
        b.accumulate(b.convolution("x", outputs, (1, 1)), raw=True)
        assert compile_network(b.network(), CONFIG, "csd").linear == chosen


def test_layers_whose_weights_do_not_fit_have_lanes_as_pixels(rng: np.random.Generator) -> None:
    b = NetworkBuilder(rng, (3, 4, 4), 4)
    first = b.accumulate(b.convolution("x", 4, (3, 3), padding=(1, 1)))
    second = b.accumulate(b.convolution(first, 24, (4, 4)), one_scale=True)
    b.accumulate(b.convolution(second, 24, (1, 1)), raw=True)
    network = b.network()
    program = compile_network(network, CONFIG, "csd")
    needed = [sum(map(len, columns_of(program, layer))) for layer in range(3)]
    assert needed[0] == 0 < needed[2] < needed[1]
    assert program.weight_words == sum(needed)
    for words, chosen in (
        (sum(needed), [1, 2]),
        (sum(needed) - 1, [2]),
        (needed[2], [2]),
        (needed[2] - 1, []),
    ):
        found = compile_network(network, replace(CONFIG, weight_words=words), "csd")
        assert found.weight_words <= words
        assert sorted({one.layer for one in found.passes if one.columns}) == chosen
        check_outputs(found, network, b.images)


def test_hardware_for_linear_layers_needs_all_columns(rng: np.random.Generator) -> None:
    b = vectors(rng, 20, 16, 10)
    network = b.network()
    needed = compile_network(network, ALONE, "csd").weight_words
    exact = compile_network(network, replace(ALONE, weight_words=needed), "csd")
    check_outputs(exact, network, b.images)
    message = (
        rf"^the network needs {needed} columns of weights, the configuration has {needed - 1}: "
        "raise weight_words$"
    )
    with pytest.raises(InputError, match=message):
        compile_network(network, replace(ALONE, weight_words=needed - 1), "csd")


def test_vectors_are_read_by_linear_passes_alone(rng: np.random.Generator) -> None:
    """A layer whose output, or whose input where it is the network's, others read too."""
    b = NetworkBuilder(rng, (20, 1, 1), 4)
    hidden = b.accumulate(b.convolution("x", 16, (1, 1)), one_scale=True)
    doubled = b.accumulate(b.copy(hidden, 2), bits=5)
    b.accumulate(b.convolution(doubled, 16, (1, 1)), raw=True)
    program = compile_network(b.network(), CONFIG, "csd")
    assert [bool(columns_of(program, layer)) for layer in range(3)] == [False, False, True]
    assert program.placements["x"].shape == (20, 1, 1)
    check_outputs(program, b.network(), b.images)

    b = NetworkBuilder(rng, (20, 1, 1), 4)
    hidden = b.accumulate(b.convolution("x", 20, (1, 1)), one_scale=True)
    added = b.accumulate(b.copy(hidden), b.copy("x"), bits=5)
    b.accumulate(b.convolution(added, 16, (1, 1)), raw=True)
    program = compile_network(b.network(), CONFIG, "csd")
    assert [bool(columns_of(program, layer)) for layer in range(3)] == [False, False, True]


def test_an_input_that_linear_layers_alone_read_is_a_vector(rng: np.random.Generator) -> None:
    b = NetworkBuilder(rng, (3, 5, 4), 4)
    hidden = b.accumulate(b.convolution("x", 16, (5, 4)), one_scale=True)
    b.accumulate(b.convolution(hidden, 10, (1, 1)), raw=True)
    for config in (CONFIG, ALONE, replace(CONFIG, lanes=64)):
        program = compile_network(b.network(), config, "csd")
        words, _, width = program.placements["x"].shape
        assert words * width == 60 and width == max(w for w in (60, 6) if w <= config.lanes)
        check_outputs(program, b.network(), b.images)


def test_a_pass_has_up_to_as_many_words_as_cores(rng: np.random.Generator) -> None:
    network = vectors(rng, 20, 37, 10).network()
    program = compile_network(network, replace(ALONE, cores=3), "csd")
    first: list[Pass] = [one for one in program.passes if one.layer == 0]
    assert [(one.first_channel, one.channels) for one in first] == [(0, 3), (3, 2)]
    assert [one.after for one in first] == [True, False]
    hidden = network.layers[0]
    assert isinstance(hidden, Accumulate)
    order = program.channel_orders[0]
    rows = np.concatenate([w[one.columns.biases :, :8] for one in first if one.columns
                           for w in one.columns.weights], 1)  # fmt: skip
    wanted = hidden.sources[0].weights[list(order), :, 0, 0]
    assert (wanted == rows[:, :37].T).all() and not rows[:, 37:].any()
