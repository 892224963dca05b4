"""Slots of the adders: filled ones by the weights alone, and losses that leave none over."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.integer.network import Accumulate, IntegerNetwork, MaxPool
from pann_hw.integer.run import run
from pann_hw.integer.terms import term_count
from pann_hw.machine.cycles import linear_words
from pann_hw.machine.machine import Machine
from pann_hw.machine.schedule import Schedule
from pann_hw.program.compile import compile_network
from pann_hw.program.image import link
from pann_hw.program.linear import digits
from pann_hw.program.program import Program
from pann_hw.report.utilisation import (
    CAUSES,
    HEADINGS,
    LayerUse,
    joined,
    layer_uses,
    use_rows,
)
from tests.random_networks import (
    linear_network,
    one_layer,
    random_config,
    random_network,
    residual_network,
    width_needed,
)


def used(
    network: IntegerNetwork, config: AcceleratorConfig
) -> tuple[Program, Schedule, list[LayerUse]]:
    program = compile_network(network, config, "csd" if config.shift else "unary")
    schedule = Machine(link([program])).run(0)
    return program, schedule, layer_uses(program, schedule)


@pytest.mark.parametrize("number", range(6))
def test_parts_add_up_to_all_slots(number: int, rng: np.random.Generator) -> None:
    make = residual_network if number % 2 else random_network
    config = random_config(rng)
    _, schedule, uses = used(make(rng, 2)[0], config)
    assert sum(use.cycles for use in uses) == schedule.cycles
    for use in (*uses, joined("all", uses)):
        parts = [use.filled, *(getattr(use, name) for name in CAUSES)]
        assert min(parts) >= 0
        assert sum(parts) == use.slots == use.cycles * config.cores * config.lanes * config.terms


@pytest.mark.parametrize("number", range(6))
def test_filled_slots_are_terms_times_pixels(number: int, rng: np.random.Generator) -> None:
    network, config = random_network(rng, 2)[0], random_config(rng)
    for layer, use in zip(network.layers, used(network, config)[2], strict=True):
        _, height, width = layer.output.shape
        weights = [] if isinstance(layer, MaxPool) else [s.weights for s in layer.sources]
        terms = sum(term_count(each, config.shift) for each in weights)
        assert use.terms == terms
        assert use.filled == terms * height * width


def test_rows_are_shares_of_all_slots(rng: np.random.Generator) -> None:
    uses = used(residual_network(rng, 2)[0], random_config(rng))[2]
    rows = use_rows(uses)
    assert [row[0] for row in rows] == [*(use.layer for use in uses), "all"]
    assert {len(row) for row in rows} == {len(HEADINGS)}
    for row, use in zip(rows, uses, strict=False):
        assert row[1:4] == (use.cycles, use.terms, f"{100 * use.filled / use.slots:.1f}")
        assert sum(float(str(share)) for share in row[3:]) == pytest.approx(100, abs=0.5)
    for column in (1, 2):
        assert rows[-1][column] == sum(int(str(row[column])) for row in rows[:-1])


def test_cycles_of_causes_are_those_of_the_schedule(rng: np.random.Generator) -> None:
    config = random_config(rng)
    network = residual_network(rng, 2)[0]
    program, schedule, uses = used(network, config)
    issued = np.concatenate([cycles[:, 0] for cycles in schedule.issued])
    assert uses[0].input_loading == schedule.input_cycles * uses[0].slots // uses[0].cycles
    assert all(use.input_loading == 0 for use in uses[1:])
    begin = 0
    for number, (layer, use) in enumerate(zip(network.layers, uses, strict=True)):
        own = [
            e for e, p in zip(schedule.pass_ends, program.passes, strict=True) if p.layer == number
        ]
        end = schedule.cycles if number == len(uses) - 1 else int(max(own))
        assert use.cycles == end - begin
        if isinstance(layer, Accumulate):
            within = issued[(issued > begin) & (issued <= end)]
            slots = use.slots // use.cycles
            assert use.drain == (end - within.max()) * slots
            waits = begin + (0 if begin else schedule.input_cycles)
            assert use.start == (within.min() - waits - 1) * slots
            bundles = len(within) * config.lanes * config.terms
            assert use.filled + use.idle_lanes + use.empty_places == bundles
        else:
            assert use.idle_cores == use.slots
        begin = end


def test_each_loss_is_of_its_cause() -> None:
    config = AcceleratorConfig(lanes=8, cores=4, rails=2, accumulator_width=32)
    # One weight for each of three channels, on 2 of 8 lanes: one place of two, one core idle.
    (use,) = used(one_layer((1, 1, 2), (1, 1), channels=3), config)[2]
    assert use.filled == 3 * 2
    assert use.idle_lanes == 3 * 6
    assert use.empty_places == 3 * 8
    assert use.finished_cores == 0
    assert use.idle_cores * 3 == use.stalled + 3 * 2 * 8
    (more,) = used(one_layer((1, 1, 2), (1, 1), channels=3), replace(config, cores=3))[2]
    assert more.idle_cores == 0


@pytest.mark.parametrize(("lanes", "cores"), [(16, 1), (16, 3), (32, 2)])
def test_terms_of_linear_passes_are_bits_of_activations(
    lanes: int, cores: int, rng: np.random.Generator
) -> None:
    network, x = linear_network(rng, 2)
    config = random_config(
        rng, lanes=lanes, cores=cores, weight_words=4096,
        accumulator_width=max(width_needed(network), 18),
    )  # fmt: skip
    program = compile_network(network, config, "csd" if config.shift else "unary")
    schedule = Machine(link([program])).run(0, linear_words(program, x)[0])
    uses = layer_uses(program, schedule)
    assert sum(use.cycles for use in uses) == schedule.cycles
    for use in (*uses, joined("all", uses)):
        parts = [use.filled, *(getattr(use, name) for name in CAUSES)]
        assert min(parts) >= 0
        assert sum(parts) == use.slots == use.cycles * cores * lanes * config.terms
    values = run(network, x)
    checked = 0
    for number, (layer, use) in enumerate(zip(network.layers, uses, strict=True)):
        passes = [one.columns for one in program.passes if one.layer == number]
        if passes[0] is None or passes[0].tensor == "t0":
            continue
        checked += 1
        tensor = values[passes[0].tensor][0].numpy().ravel().tolist()
        steps = [digits(value, config.shift, config.terms) for value in tensor]
        terms = sum(len(step) for each in steps for step in each)
        assert use.terms == terms * len(passes)
        assert use.filled == terms * layer.output.shape[0]
    assert checked
