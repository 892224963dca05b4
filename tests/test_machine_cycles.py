"""Cycles from program and data: what linear passes read, and the most that they can take."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.integer.network import IntegerNetwork
from pann_hw.integer.run import run
from pann_hw.machine.cycles import CyclePredictor, largest_words, linear_words
from pann_hw.machine.flips import FlipPredictor
from pann_hw.machine.machine import Machine
from pann_hw.program.compile import compile_network
from pann_hw.program.image import link
from pann_hw.program.program import Program
from tests.random_networks import NetworkBuilder, linear_network, width_needed

CONFIG = AcceleratorConfig(
    lanes=16, cores=1, banks=2, weight_words=4096, accumulator_width=20, activation_words=2048
)


@pytest.fixture
def work(rng: np.random.Generator) -> tuple[IntegerNetwork, np.ndarray, Program]:
    network, x = linear_network(rng, 2)
    config = replace(CONFIG, accumulator_width=max(width_needed(network), 13))
    program = compile_network(network, config, "csd")
    assert sum(one.columns is not None for one in program.passes) > 2
    return network, x, program


def test_words_are_those_of_the_tensors(
    work: tuple[IntegerNetwork, np.ndarray, Program], rng: np.random.Generator
) -> None:
    network, x, program = work
    # More than are interpreted at a time.
    many = np.concatenate([x, rng.integers(0, 16, (97, *x.shape[1:]))])
    found = linear_words(program, many)
    values = run(network, many)
    passes = [one.columns for one in program.passes if one.columns]
    assert len(found) == 100 and {len(each) for each in found} == {len(passes)}
    for number, columns in enumerate(passes):
        on = columns.looked_at(2).ravel()
        for index in (0, 2, 63, 64, 99):
            seen = found[index][number][on, : columns.span]
            tensor = values[columns.tensor][index].numpy()
            # Zeros aside, in whatever order: lanes without a value are 0 or of no value's place.
            assert np.count_nonzero(seen) >= np.count_nonzero(tensor)
            if columns.tensor != "t0":
                assert sorted(seen[seen > 0]) == sorted(tensor[tensor > 0])


def test_programs_without_linear_passes_read_no_words(rng: np.random.Generator) -> None:
    network, x = linear_network(rng, 2)
    config = replace(CONFIG, accumulator_width=max(width_needed(network), 13), weight_words=0)
    program = compile_network(network, config, "csd")
    assert linear_words(program, x) == [[], [], []]
    assert largest_words(program) == []
    machine = Machine(link([program]))
    assert machine.run(0).cycles == machine.run(0, []).cycles


def test_a_pass_without_its_words_is_an_error(
    work: tuple[IntegerNetwork, np.ndarray, Program],
) -> None:
    machine = Machine(link([work[2]]))
    with pytest.raises(ValueError, match="words: one array for each linear pass"):
        machine.run(0)


def test_cycles_are_those_of_the_flips(work: tuple[IntegerNetwork, np.ndarray, Program]) -> None:
    """Whatever inferences went before."""
    _, x, program = work
    image = link([program])
    predictor = FlipPredictor(image)
    predictor.execute(program, 0, x[::-1])
    predictor.execute(program, 0, x)
    schedules = CyclePredictor(image).schedules(0, linear_words(program, x))
    assert [one.cycles for one in schedules] == predictor.cycles.tolist()
    assert len({one.cycles for one in schedules}) > 1
    for schedule in schedules:
        assert len(schedule.pass_ends) == len(program.passes)
        assert len(schedule.linear) == sum(one.columns is not None for one in program.passes)


def test_no_data_take_more_than_the_largest(rng: np.random.Generator) -> None:
    b = NetworkBuilder(rng, (30, 1, 1), 4)
    hidden = b.accumulate(b.convolution("x", 20, (1, 1)), one_scale=True)
    b.accumulate(b.convolution(hidden, 10, (1, 1)), raw=True)
    program = compile_network(b.network(), replace(CONFIG, layer_kinds="linear"), "csd")
    predictor = CyclePredictor(link([program]))
    (most,) = predictor.schedules(0, [largest_words(program)])
    x = np.concatenate([rng.integers(0, 16, (20, 30, 1, 1)), np.full((1, 30, 1, 1), 15)])
    cycles = [one.cycles for one in predictor.schedules(0, linear_words(program, x))]
    assert max(cycles) <= most.cycles
    # The first layer, of largest activations, takes as long as can be.
    ends = [predictor.schedules(0, linear_words(program, x[-1:]))[0].pass_ends, most.pass_ends]
    assert ends[0][0] == ends[1][0]
    (none,) = predictor.schedules(0, linear_words(program, np.zeros((1, 30, 1, 1), np.int64)))
    assert none.cycles < min(cycles)


def test_threads_share_what_is_known(work: tuple[IntegerNetwork, np.ndarray, Program]) -> None:
    _, x, program = work
    predictor = CyclePredictor(link([program]))
    words = linear_words(program, x)
    alone = [one.cycles for one in predictor.schedules(0, words)]
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda each: predictor.schedules(0, [each])[0].cycles, words * 4))
    assert found == alone * 4
