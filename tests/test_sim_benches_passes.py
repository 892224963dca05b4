"""What benches compile: right programs, and records that follow one another in memory."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from pann_hw.integer.run import run
from pann_hw.machine.interpret import execute
from pann_hw.program.compile import compile_network
from pann_hw.program.stores import output_map
from sim.benches.passes import descriptors, fetches, random_network, random_passes, random_program
from sim.benches.units import CONFIG, FOUR_TERMS, MANY_LANES, ONE_RAIL

CONFIGS = {"two": CONFIG, "one": ONE_RAIL, "four": FOUR_TERMS, "many_lanes": MANY_LANES}


@pytest.mark.parametrize("name", CONFIGS)
def test_programs_are_those_of_their_networks(
    name: str, seed: int, rng: np.random.Generator
) -> None:
    """Whatever grid the compiler chooses: strides over whole blocks, maps smaller than kernels."""
    random.seed(seed)
    config = replace(CONFIGS[name], activation_words=4096, descriptor_words=4096, term_words=65536)
    for _ in range(25):
        network = random_network(5)
        program = compile_network(network, config, "unary")
        inputs = rng.integers(0, 256, (2, *network.input.shape))
        channel, row, column = np.array(output_map(program)).T
        expected = run(network, inputs)["o"].numpy()[:, channel, row, column]
        assert np.array_equal(execute(program, inputs).outputs, expected), f"{network}"


def test_descriptors_follow_one_another(seed: int) -> None:
    random.seed(seed)
    for _ in range(10):
        found = descriptors(random_program(CONFIG))
        assert all(b.address == a.address + len(a.words) for a, b in pairwise(found))
        assert [one.item["final"] for one in found] == [0] * (len(found) - 1) + [1]
        for one in found:
            assert len(one.segments) == len(one.compiled.segments)
            assert len(one.records) == one.item["cores"] == len(one.compiled.bias)
            assert one.item["output_pitch"] == one.compiled.tiles
            groups = list(fetches(one.compiled))
            assert len(groups) * CONFIG.banks == one.compiled.windows
            assert sum(last for *_, last in groups) == sum(s["groups"] for s in one.segments)


def test_passes_come_until_enough_is_fetched(seed: int) -> None:
    random.seed(seed)
    passes = [one.compiled for one in random_passes(CONFIG, 500)]
    fetched = [item.windows // CONFIG.banks * item.tiles for item in passes]
    assert sum(fetched) >= 500
    assert {item.pool for item in passes} == {False, True}
