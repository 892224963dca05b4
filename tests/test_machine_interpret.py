"""The interpreter against the PyTorch reference, layer by layer, on hundreds of random networks."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np
import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.integer.network import IntegerNetwork
from pann_hw.integer.requantise import MAX_STEPS, Scale, requantise
from pann_hw.integer.run import run
from pann_hw.machine.interpret import Activations, execute, requantise_steps
from pann_hw.machine.machine import Machine
from pann_hw.machine.observer import Observer
from pann_hw.program.compile import compile_network
from pann_hw.program.image import link
from pann_hw.program.program import Program
from pann_hw.program.stores import store_map
from tests.random_networks import (
    feature_map_network,
    layer_arrays,
    one_layer,
    random_config,
    random_network,
    residual_network,
)

SWEEP = 300


def check(network: IntegerNetwork, x: np.ndarray, program: Program) -> None:
    result = execute(program, x)
    reference = run(network, x)
    found = layer_arrays(network, program, result.stores, result.outputs)
    for layer in network.layers:
        name = layer.output.name
        expected = reference[name].numpy()
        wrong = int((found[name] != expected).sum())
        assert wrong == 0, f"{name}: {wrong} of {expected.size} elements differ"


@pytest.mark.parametrize("part", range(4))
def test_random_networks(part: int, seed: int) -> None:
    for index in range(part, SWEEP, 4):
        rng = np.random.default_rng([seed, index])
        config = random_config(rng)
        network, x = random_network(rng, 4, layers=int(rng.integers(1, 7)))
        encoding = "csd" if config.shift and rng.random() < 0.5 else "unary"
        program = compile_network(network, config, encoding)
        try:
            check(network, x, program)
        except AssertionError as error:
            raise AssertionError(f"network {index}, {encoding} on {config}: {error}") from error


@pytest.mark.parametrize("encoding", ["sparse", "dense"])
@pytest.mark.parametrize("lane", ["mac", "signed_mac"])
def test_conventional_lanes(lane: str, encoding: str, rng: np.random.Generator) -> None:
    """With multipliers of every width, also those that take several terms for a weight."""
    for width in range(2, 9):
        config = random_config(rng, lane=lane, multiplier_width=width)
        network, x = random_network(rng, 4, layers=int(rng.integers(1, 7)))
        check(network, x, compile_network(network, config, encoding))


@pytest.mark.parametrize("encoding", ["unary", "csd"])
@pytest.mark.parametrize("lanes", [4, 8, 16, 32, 64])
def test_odd_shapes(lanes: int, encoding: str, rng: np.random.Generator) -> None:
    config = random_config(rng, lanes=lanes, lane="csd")
    for make, max_stride in ((residual_network, 4), (feature_map_network, 3)):
        network, x = make(rng, max_stride)
        check(network, x, compile_network(network, config, encoding))


def test_what_was_left_does_not_change_results(rng: np.random.Generator) -> None:
    """Lanes without a pixel, and channels that fill a group up, are read by nobody."""
    for make in (residual_network, feature_map_network):
        network, x = make(rng, 3)
        config = random_config(rng, banks=4, window_slots=16, lanes=8)
        program = compile_network(network, config, "unary")
        found = Activations(
            rng.integers(0, 256, (len(x), 4, config.bank_words, 8), np.uint8),
            rng.integers(0, 256, (len(x), 4, 8), np.uint8),
        )
        clean, dirty = execute(program, x), execute(program, x, found=found)
        assert (clean.outputs == dirty.outputs).all()
        for number, (_, values) in enumerate(store_map(program)):
            own = [lane for lane, *_ in values]
            assert (clean.stores[:, number, own] == dirty.stores[:, number, own]).all()
        assert (clean.stores != dirty.stores).any()


def test_activations_pass_from_inference_to_inference(rng: np.random.Generator) -> None:
    config = AcceleratorConfig(lanes=4, banks=2, activation_words=16)
    assert not Activations.reset(config, 3).memory.any()
    memory = rng.integers(0, 256, (3, 2, 8, 4), np.uint8)
    registers = rng.integers(0, 256, (3, 2, 4), np.uint8)
    left, before = Activations(memory, registers), Activations.reset(config, 1)
    found = left.after(before)
    assert not found.memory[0].any()
    assert not found.registers[0].any()
    assert (found.memory[1:] == memory[:-1]).all()
    assert (found.registers[1:] == registers[:-1]).all()
    again = left.repeated(2)
    assert (again.memory == memory[-1]).all()
    assert again.registers.shape == (2, 2, 4)


def test_the_input_lies_where_its_grid_says(rng: np.random.Generator) -> None:
    network = one_layer((3, 5, 7), (1, 1), channels=2)
    program = compile_network(network, AcceleratorConfig(lanes=8, banks=2), "unary")
    x = rng.integers(0, 256, (2, 3, 5, 7))
    place, memory = program.placements["x"], execute(program, x).left.memory
    for channel in range(3):
        for word in range(place.grid.words):
            address = place.base + channel // 2 * place.grid.words + word
            for lane, row, column in place.grid.lanes(word):
                found = memory[:, channel % 2, address, lane]
                assert (found == x[:, channel, row, column]).all()


def test_a_single_raw_layer(rng: np.random.Generator) -> None:
    network = one_layer((3, 4, 5), (3, 3), (1, 1), (1, 1), channels=5)
    program = compile_network(network, AcceleratorConfig(), "unary")
    x = rng.integers(0, 256, (2, 3, 4, 5))
    assert execute(program, x).stores.shape == (2, 0, 8)
    check(network, x, program)


def test_images_do_not_depend_on_each_other(rng: np.random.Generator) -> None:
    network, _ = feature_map_network(rng, 2)
    program = compile_network(network, AcceleratorConfig(), "csd")
    x = rng.integers(0, 16, (5, *network.input.shape))
    whole = execute(program, x)
    for index in range(len(x)):
        alone = execute(program, x[index : index + 1])
        assert (alone.outputs == whole.outputs[index]).all()
        assert (alone.stores == whole.stores[index]).all()


def test_steps_of_the_requantiser(rng: np.random.Generator) -> None:
    """Its last state gives what ``requantise`` gives, whatever idle steps come before."""
    sums = rng.integers(-(2**19), 2**19, (3, 8))
    for digits in (2, 3):
        scale = Scale.nearest(float(2.0 ** rng.uniform(-12, 0)), digits)
        expected = requantise(sums, scale, 255)
        for steps in range(len(scale.steps), MAX_STEPS + 1):
            states = requantise_steps(sums, scale, steps)
            assert states.shape == (3, steps, 8)
            assert (((states[:, -1] + 1) >> 1).clip(0, 255) == expected).all()
            assert not states[:, : steps - len(scale.steps)].any()


@pytest.mark.parametrize("lanes", [4, 8, 64])
def test_lanes_requantised_at_a_time_change_the_order_alone(
    lanes: int, rng: np.random.Generator
) -> None:
    """Words that are requantised together, or in parts, give what single words give."""
    network, x = residual_network(rng, 2)
    config = AcceleratorConfig(lanes=16, cores=6, banks=4, requantise_lanes=lanes)
    program = compile_network(network, config, "csd")
    check(network, x, program)
    plain = compile_network(network, replace(config, requantise_lanes=None), "csd")
    one, other = execute(program, x), execute(plain, x)
    assert (one.outputs == other.outputs).all()
    cycles, before = (Machine(link([each])).run(0).cycles for each in (program, plain))
    assert (cycles < before) == (lanes == 64)
    assert (cycles > before) == (lanes < 16)


class Recorder(Observer):
    """The names of what is seen, in order."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def __getattribute__(self, name: str) -> object:
        if name in vars(Observer) and not name.startswith("_"):
            return lambda *_: self.events.append(name)
        return super().__getattribute__(name)


def test_observers_see_everything_in_order(rng: np.random.Generator) -> None:
    network, x = residual_network(rng, 2)
    program = compile_network(network, AcceleratorConfig(cores=3), "csd")
    recorder = Recorder()
    execute(program, x, observer=recorder, schedule=Machine(link([program])).run(0))
    expected = ["begin", *["load"] * network.input.shape[0]]
    for item in program.passes:
        for _ in range(item.tiles):
            expected += ["words", "rows"]
            if item.pool:
                expected += ["pool", *["store"] * item.segments[0].channels]
            else:
                expected += ["operands", "accumulator"] * item.channels
                expected += (
                    ["drained"] if item.raw else ["drained", "requantiser", "store"]
                ) * item.channels
    assert recorder.events == [*expected, "end"]


def test_sweep_is_varied(seed: int) -> None:
    """The random networks reach what they are meant to reach."""
    seen: set[str] = set()
    for index in range(100):
        rng = np.random.default_rng([seed, index, zlib.crc32(b"varied")])
        network, _ = random_network(rng, 4, layers=6)
        for layer in network.layers:
            for source in getattr(layer, "sources", ()):
                kernel = source.weights.shape[2:]
                seen |= {f"kernel {max(kernel)}", f"stride {source.stride[1]}"}
                seen |= {f"padding {source.padding[1]}"}
                seen |= {"grouped"} if source.groups > 1 else set()
            seen |= {f"{len(getattr(layer, 'sources', ()))} sources"}
    assert seen >= {f"kernel {size}" for size in range(1, 8)}
    assert seen >= {f"stride {size}" for size in range(1, 5)}
    assert seen >= {f"padding {size}" for size in range(4)}
    assert seen >= {"grouped", "0 sources", "1 sources", "2 sources"}
