"""The machine: what its schedules must be like, and that they do not depend on what ran before."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.integer.network import Accumulate, IntegerNetwork, Source, Tensor
from pann_hw.integer.requantise import Scale
from pann_hw.machine.control import Control
from pann_hw.machine.machine import Machine
from pann_hw.machine.schedule import Piece, Schedule
from pann_hw.program.compile import compile_network, descriptor_words
from pann_hw.program.image import Image, link
from pann_hw.program.program import Program
from tests.random_networks import (
    feature_map_network,
    one_layer,
    random_config,
    random_network,
    residual_network,
)


def programs(rng: np.random.Generator, count: int, layers: int = 3) -> list[Program]:
    """Programs of random networks for one configuration, in random encodings."""
    config = random_config(rng)
    encodings = ["csd", "unary"] if config.shift else ["unary"]
    return [
        compile_network(random_network(rng, 4, layers)[0], config, str(rng.choice(encodings)))
        for _ in range(count)
    ]


def same(one: Schedule, other: Schedule) -> bool:
    """Whether two schedules agree in everything but flips."""
    return (
        (one.cycles, one.input_cycles) == (other.cycles, other.input_cycles)
        and one.pass_ends.tolist() == other.pass_ends.tolist()
        and all((a == b).all() for a, b in zip(one.issued, other.issued, strict=True))
    )


def test_cycles_do_not_depend_on_what_ran_before(rng: np.random.Generator) -> None:
    for _ in range(5):
        image = link(programs(rng, 3))
        alone = [Machine(image).run(point) for point in range(3)]
        machine = Machine(image)
        for point in rng.integers(0, 3, 8).tolist():
            assert same(machine.run(point), alone[point])


def test_the_same_point_again_flips_the_same(rng: np.random.Generator) -> None:
    """Only the first one finds what reset, or another point, left."""
    for _ in range(5):
        image = link(programs(rng, 2))
        machine = Machine(image)
        for point in (0, 1, 0):
            machine.run(point)
            flips = [machine.run(point).flips for _ in range(3)]
            assert flips[0] == flips[1] == flips[2]
            assert min(flips[0].values()) > 0


def sparse_and_dense(rng: np.random.Generator) -> Image:
    """A point that never uses the second term of a bundle, and one that does."""
    config = AcceleratorConfig(lane="csd", rails=2)
    dense = one_layer((2, 4, 4), (3, 3), padding=(1, 1), channels=4)
    assert isinstance(dense.layers[0], Accumulate)
    dense.layers[0].sources[0].weights[...] = rng.integers(-20, 20, (4, 2, 3, 3))
    sparse = one_layer((2, 4, 4), (3, 3), padding=(1, 1), channels=4)
    return link([compile_network(network, config, "csd") for network in (sparse, dense)])


def test_what_is_remembered_is_what_is_executed(rng: np.random.Generator) -> None:
    images = [link(programs(rng, 3, layers=2)) for _ in range(4)] + [sparse_and_dense(rng)]
    for image in images:
        remembering, executing = Machine(image), Machine(image)
        count = 3 if image is not images[-1] else 2
        points = [0, 1, 0, 1, *rng.integers(0, count, 10).tolist()]
        for number, point in enumerate(points):
            executing._known.clear()
            found, expected = remembering.run(point), executing.run(point)
            assert same(found, expected)
            assert found.flips == expected.flips, f"run {number} of {points}"


def test_known_inferences_are_not_executed_again(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(link(programs(rng, 2)))
    executed: list[int] = []
    execute = Control.piece

    def counted(
        self: Control, waiting: list[int], linear: tuple[np.ndarray, int] | None = None
    ) -> Piece:
        executed.append(waiting[0])
        return execute(self, waiting, linear)

    monkeypatch.setattr(Control, "piece", counted)
    schedules = [machine.run(point) for point in (0, 1) * 10]
    # From reset, and from the other's end.
    assert executed == [0, 1, 0] + [1] * (len(executed) - 3)
    assert len(executed) <= 4
    assert same(schedules[-1], schedules[-3])


def check(program: Program) -> None:
    """Bundles are issued in order, as often as there are tiles; cycles within what work allows."""
    config, schedule = program.config, Machine(link([program])).run(0)
    ends = schedule.pass_ends.tolist()
    for core, issued in enumerate(schedule.issued):
        expected: list[int] = []
        first = 0
        for number, item in enumerate(program.passes):
            if core < len(item.bundles):
                # What it reads is stored before.
                begins = issued[len(expected), 0]
                assert not (number and item.after) or begins > ends[number - 1]
                addresses = list(range(first, first + len(item.bundles[core])))
                expected += addresses * item.tiles
                first += len(addresses)
        assert issued[:, 1].tolist() == expected
        # At most one bundle a cycle.
        assert all(a < b for a, b in pairwise(issued[:, 0].tolist()))
    assert len(ends) == len(program.passes)
    assert all(a < b for a, b in pairwise([schedule.input_cycles, *ends]))
    assert ends[-1] <= schedule.cycles <= ends[-1] + 4

    groups = sum(item.tiles * item.windows // config.banks for item in program.passes)
    shape = program.placements[program.input].shape
    assert schedule.input_cycles >= np.prod(shape)
    work = schedule.cycles - schedule.input_cycles
    assert work >= groups
    assert work >= max((len(issued) for issued in schedule.issued), default=0)
    # Everything one after another is the slowest that it may be.
    slowest = descriptor_words(program)
    for item in program.passes:
        drained = item.channels * (config.lanes if item.raw else item.steps)
        # Cores that wait for each other's windows may even take turns.
        issued_here = sum(map(len, item.bundles)) or item.windows
        slowest += 12 + item.tiles * (item.windows + issued_here + drained + 6)
    assert work <= slowest


def test_schedules_of_random_networks(rng: np.random.Generator) -> None:
    for _ in range(30):
        check(programs(rng, 1)[0])


@pytest.mark.parametrize(("banks", "window_slots"), [(1, 4), (2, 4), (4, 8), (4, 16)])
@pytest.mark.parametrize("cores", [1, 3])
def test_schedules_of_odd_shapes(
    cores: int, banks: int, window_slots: int, rng: np.random.Generator
) -> None:
    config = random_config(rng, cores=cores, lanes=8, banks=banks, window_slots=window_slots)
    for make in (residual_network, feature_map_network):
        network, _ = make(rng, 3)
        check(compile_network(network, config, "unary"))


def alike(weight: int, inputs: int, config: AcceleratorConfig) -> tuple[int, int, int]:
    """(cycles, bundles of a core, groups of windows) of a convolution of weights of one size."""
    rng = np.random.default_rng(1)
    weights = rng.choice([-weight, weight], (8, inputs, 3, 3))
    first = Accumulate(
        Tensor("a", (8, 8, 8), 8),
        (Source("x", weights, padding=(1, 1)),),
        np.zeros(8, np.int64),
        (Scale.nearest(0.1),) * 8,
        255,
    )
    one = Source("a", np.ones((1, 8, 1, 1), np.int64), (8, 8))
    last = Accumulate(Tensor("y", (1, 1, 1), 8), (one,), np.zeros(1, np.int64), None, 0)
    network = IntegerNetwork(Tensor("x", (inputs, 8, 8), 8), (first, last))
    program = compile_network(network, config, "unary")
    schedule = Machine(link([program])).run(0)
    passes = [item for item in program.passes if item.layer == 0]
    bundles = sum(item.tiles * len(item.bundles[0]) for item in passes)
    groups = sum(item.tiles * item.windows for item in passes) // config.banks
    end = schedule.pass_ends[len(passes) - 1]
    return int(end - schedule.input_cycles), bundles, groups


@pytest.mark.parametrize(("rails", "terms_per_rail"), [(2, 1), (2, 2), (1, 1), (1, 2)])
def test_cores_are_busy_where_there_are_terms(rails: int, terms_per_rail: int) -> None:
    """Fetching, adding and draining overlap: nearly every cycle adds as many terms as it can."""
    config = AcceleratorConfig(lanes=16, cores=4, rails=rails, terms_per_rail=terms_per_rail)
    cycles, bundles, _ = alike(4 * terms_per_rail, 4, config)
    # Four words of two groups of channels, 4 x 3 x 3 weights of 4 terms a rail's place.
    least = 4 * 2 * 36 * 4 // rails
    assert least <= bundles <= 1.1 * least
    assert bundles > 0.9 * cycles


def test_groups_of_windows_are_fetched_at_full_speed() -> None:
    """Where cores add as fast as windows come, a group comes in nearly every cycle."""
    config = AcceleratorConfig(
        lanes=16, cores=4, rails=2, terms_per_rail=2, banks=1, window_slots=16
    )
    cycles, bundles, groups = alike(1, 16, config)
    assert bundles < groups
    assert cycles < 1.2 * groups


def test_overlapping_inferences_take_their_input_early(rng: np.random.Generator) -> None:
    """No interval is longer than the inference alone; all are shorter where the input is free."""
    network, _ = residual_network(rng, 2)
    config = random_config(rng, lanes=16)
    images = [link([compile_network(network, config, "unary")] * 2)]
    images += [link(programs(rng, 2)) for _ in range(4)]
    for image in images:
        alone = [Machine(image).run(point) for point in range(2)]
        points = [0, 1, 1, 0]
        found = Machine(image).intervals(points)
        assert found[0] == alone[0].cycles
        for point, interval in zip(points[1:], found[1:], strict=True):
            assert alone[point].cycles - alone[point].input_cycles <= interval
            assert interval <= alone[point].cycles
            # The first layer alone reads this one's input of 3 x 7 x 37.
            assert image is not images[0] or interval < alone[point].cycles - 3 * 7 * 37


def test_an_inference_that_never_ends(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = programs(rng, 1)[0]
    monkeypatch.setattr("pann_hw.machine.control._LIMIT", 50)
    with pytest.raises(RuntimeError, match="not done after"):
        Machine(link([program])).run(0)
