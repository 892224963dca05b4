"""The fast simulation: operating points, what is recorded, and failures in one line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.errors import MismatchError
from pann_hw.integer.network import IntegerNetwork
from pann_hw.integer.run import run
from pann_hw.machine.interpret import execute
from pann_hw.machine.machine import Machine
from pann_hw.program.compile import compile_network
from pann_hw.program.image import Image, link
from pann_hw.program.stores import output_map
from pann_hw.registers.error import Error
from sim.harness import accelerator_verilog, build, simulate
from sim.signals import CLASSES
from tests.random_networks import one_layer, random_network

CONFIG = AcceleratorConfig(
    lanes=4, cores=1, lane="unary", rails=1, activation_words=4096, accumulator_width=24,
    input_elements=4,
)  # fmt: skip
"""The last beat of an input of 30 elements has two."""

NETWORKS: list[IntegerNetwork] = [
    one_layer((2, 3, 5), (3, 3), padding=(1, 1)),
    one_layer((2, 3, 5), (1, 1)),
]
"""Two networks with as many inputs and outputs each, which pick different pixels."""


@pytest.fixture(scope="module")
def image() -> Image:
    return link([compile_network(network, CONFIG, "unary") for network in NETWORKS])


@pytest.fixture
def x(rng: np.random.Generator) -> np.ndarray:
    values: np.ndarray = rng.integers(0, 256, (6, 2, 3, 5))
    return values


def test_operating_points_in_any_order(image: Image, x: np.ndarray) -> None:
    points = np.array([1, 0, 0, 1, 1, 0])
    seen = []
    result = simulate(image, x.reshape(6, -1), points, 15, progress=lambda: seen.append(1))
    for index, point in enumerate(points):
        program = compile_network(NETWORKS[point], CONFIG, "unary")
        one = x[index : index + 1]
        expected = run(NETWORKS[point], one)["y"].numpy()[0]
        found = dict(zip(output_map(program), result.outputs[index].tolist(), strict=True))
        assert found == {place: expected[place] for place in np.ndindex(expected.shape)}
        assert result.cycles[index] == Machine(image).run(int(point)).cycles
    assert len(seen) == 6
    assert result.stores is None
    assert result.toggles is None


def test_points_differ(x: np.ndarray) -> None:
    first, second = (run(network, x)["y"] for network in NETWORKS)
    assert (first != second).any()


def test_records_do_not_change_the_run(rng: np.random.Generator) -> None:
    network, x = random_network(rng, 2)
    program = compile_network(network, CONFIG, "unary")
    args = (link([program]), x.reshape(len(x), -1), np.zeros(len(x)))
    outputs = int(np.prod(program.output_shape))
    plain = simulate(*args, outputs)
    recorded = simulate(*args, outputs, stores=True, toggles=True)
    assert (plain.outputs == recorded.outputs).all()
    assert (plain.cycles == recorded.cycles).all()
    assert recorded.stores is not None
    assert recorded.toggles is not None
    words = execute(program, x).stores
    assert recorded.stores.shape == (words.shape[0] * words.shape[1],)
    assert recorded.stores["word"].tobytes() == words.tobytes()
    assert tuple(recorded.toggles) == CLASSES
    assert all(flips.shape == (len(x),) for flips in recorded.toggles.values())


def test_the_same_run_twice(image: Image, x: np.ndarray) -> None:
    first, second = (
        simulate(image, x.reshape(6, -1), np.zeros(6), 15, toggles=True) for _ in range(2)
    )
    assert first.toggles is not None
    assert second.toggles is not None
    for name in CLASSES:
        assert first.toggles[name].tolist() == second.toggles[name].tolist()


def test_no_inferences(image: Image) -> None:
    result = simulate(image, np.zeros((0, 30)), np.zeros(0), 15, stores=True, toggles=True)
    assert result.outputs.shape == (0, 15)
    assert result.cycles.shape == (0,)
    assert result.toggles is not None
    assert all(flips.shape == (0,) for flips in result.toggles.values())


def test_simulators_are_kept(image: Image) -> None:
    executable = build(CONFIG)
    built = executable.stat().st_mtime_ns
    assert build(replace(CONFIG)) == executable
    assert executable.stat().st_mtime_ns == built
    assert accelerator_verilog(CONFIG) == accelerator_verilog(replace(CONFIG))


class Altered(Image):
    """An image whose stream has one word changed."""

    position = 0

    def stream(self) -> np.ndarray:
        words = super().stream()
        words[self.position] ^= 1
        return words


@pytest.mark.parametrize(
    ("position", "error"),
    [
        (0, Error.BAD_MAGIC),
        (1, Error.WRONG_CONFIGURATION),
        (4, Error.BAD_CHECKSUM),  # the first word of the descriptors
        (-1, Error.BAD_CHECKSUM),
    ],
)
def test_damaged_programs_are_refused(image: Image, position: int, error: Error) -> None:
    altered = Altered(image.config, image.descriptors, image.terms)
    object.__setattr__(altered, "position", position)
    message = f"refuses its program, error {error.value}: {error.meaning}"
    with pytest.raises(MismatchError, match=message) as caught:
        simulate(altered, np.zeros((1, 30)), np.zeros(1), 15)
    assert "\n" not in str(caught.value)


def test_a_point_that_is_not_loaded(image: Image) -> None:
    with pytest.raises(MismatchError, match=f"error 6: {Error.POINT_NOT_LOADED.meaning}"):
        simulate(image, np.zeros((1, 30)), np.array([5]), 15, timeout=500)


def test_an_inference_that_takes_too_long(image: Image) -> None:
    cycles = int(simulate(image, np.zeros((1, 30)), np.zeros(1), 15).cycles[0])
    simulate(image, np.zeros((1, 30)), np.zeros(1), 15, timeout=cycles + 2)
    with pytest.raises(MismatchError, match=f"not done after {cycles - 2} cycles"):
        simulate(image, np.zeros((1, 30)), np.zeros(1), 15, timeout=cycles - 2)


@pytest.mark.parametrize(
    ("elements", "outputs", "message"),
    [
        (33, 15, f"took 32 of 33 inputs, gave 0 of 15 outputs, error {Error.INPUT_LONG}"),
        (28, 15, f"took 28 of 28 inputs, gave 0 of 15 outputs, error {Error.INPUT_SHORT}"),
        (30, 14, "took 30 of 30 inputs, gave 15 of 14 outputs, error 0"),
    ],
)
def test_wrong_counts(image: Image, elements: int, outputs: int, message: str) -> None:
    with pytest.raises(MismatchError, match=f"inference 0 {message}"):
        simulate(image, np.zeros((1, elements)), np.zeros(1), outputs)


def test_wrong_counts_of_overlapping_inferences(image: Image) -> None:
    message = f"0 of 3 inferences done, 33 inputs taken, 0 outputs given, error {Error.INPUT_LONG}"
    with pytest.raises(MismatchError, match=message):
        simulate(image, np.zeros((3, 33)), np.zeros(3), 15, overlap=True)


@pytest.mark.parametrize(
    ("inputs", "points", "message"),
    [
        (np.zeros((2, 30)), np.zeros(3), r"inputs \(2, 30\) and points \(3,\) must be"),
        (np.zeros((2, 3, 10)), np.zeros(2), r"inputs \(2, 3, 10\) and points"),
        (np.full((1, 30), 256), np.zeros(1), r"inputs are 256\.\.256, must be 0\.\.255"),
        (np.full((1, 30), 2), np.array([-1]), r"points are -1\.\.-1, must be 0\.\.255"),
    ],
)
def test_arrays_are_checked(
    image: Image, inputs: np.ndarray, points: np.ndarray, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        simulate(image, inputs, points, 15)
