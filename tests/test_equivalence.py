"""PyTorch == interpreted program == RTL in Verilator, bit for bit, cycle for cycle, flip for flip.

Every configuration runs four networks, most of odd shapes, in every encoding that its lanes can do,
as operating points of one image, two or three images each. Compared are every element of every
layer, the address and all lanes of every stored word, the output stream, the cycle counter, and the
flips of every signal class.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.integer.network import Accumulate, IntegerNetwork
from pann_hw.integer.run import run
from pann_hw.machine.cycles import linear_words
from pann_hw.machine.flips import CLASSES, FlipPredictor
from pann_hw.machine.interpret import execute
from pann_hw.machine.machine import Machine
from pann_hw.machine.sizing import fitted
from pann_hw.program.compile import compile_network
from pann_hw.program.encoding import encoding_names
from pann_hw.program.image import link
from pann_hw.program.layout import POINT, POINT_WORDS, unpack
from pann_hw.program.program import Program
from sim.harness import SimulationResult, simulate
from tests.random_networks import (
    NetworkBuilder,
    even_network,
    feature_map_network,
    layer_arrays,
    linear_network,
    residual_network,
    width_needed,
)

KINDS: dict[str, dict[str, str | int]] = {
    "csd": {"lane": "csd", "rails": 2},
    "csd_two": {"lane": "csd", "rails": 2, "terms_per_rail": 2},
    "unary": {"lane": "unary", "rails": 2},
    "one_rail": {"lane": "unary", "rails": 1, "accumulator": "signed"},
}

CONVENTIONAL: dict[str, dict[str, str | int]] = {
    "mac": {"lane": "mac", "rails": 2, "multiplier_width": 3},
    "signed_mac": {"lane": "signed_mac", "rails": 1, "multiplier_width": 4},
}
"""Lanes that multiply; the signed ones' accumulators are not gated."""

UNSIGNED: dict[str, dict[str, str | int]] = {
    "unsigned_csd": {"lane": "csd", "rails": 1, "accumulator": "unsigned"},
    "unsigned_two": {
        "lane": "csd", "rails": 1, "terms_per_rail": 2, "accumulator": "unsigned",
    },
    "unsigned_mac": {
        "lane": "mac", "rails": 1, "multiplier_width": 3, "accumulator": "unsigned",
    },
}  # fmt: skip
"""Accumulators that only add."""

LANES, CORES = (4, 8, 16, 32), (1, 2, 4)

MATRIX = [(lanes, cores, kind) for lanes in LANES for cores in CORES for kind in KINDS]

COVER = [
    (4, 4, "csd"),
    (8, 2, "one_rail"),
    (8, 1, "csd_two"),
    (8, 4, "csd_two"),
    (16, 2, "unary"),
    (32, 1, "one_rail"),
    (32, 1, "csd"),
]
"""Every value of every parameter of the matrix, of banks and of window slots; words requantised in
parts, and two and four at a time."""

REGISTERED = [(8, 2, "unsigned_csd", 2), (8, 4, "csd", 16), (16, 2, "unary", 16)]
"""With register stages: lanes, cores, kind, lanes requantised at a time."""


@cache
def networks(max_stride: int) -> list[tuple[IntegerNetwork, np.ndarray]]:
    """The networks of a largest stride, with the images that they run."""
    rng = np.random.default_rng(max_stride)
    makers = (residual_network, feature_map_network, linear_network, even_network)
    return [make(rng, max_stride) for make in makers]


@cache
def configuration(lanes: int, cores: int, kind: str) -> AcceleratorConfig:
    """A configuration whose other parameters go through their values along the matrix."""
    kinds = KINDS | CONVENTIONAL | UNSIGNED
    lane, core, turn = LANES.index(lanes), CORES.index(cores), list(kinds).index(kind)
    banks = (1, 2, 4)[(lane + turn) % 3]
    max_shift = (1, 3, 7)[(lane + core) % 3]
    values = {
        "lanes": lanes,
        "cores": cores,
        **kinds[kind],
        "banks": banks,
        "window_slots": max(2 * banks, (4, 8, 16)[(2 * lane + core + turn) % 3]),
        "max_shift": max_shift,
        "accumulator_width": 32,
        "low_bits": (1, 4, 5, 7)[(lane + core + turn) % 4],
        "activation_words": 2048,
        "term_words": 32768,
        "descriptor_words": 8192,
        "weight_words": 8192 * (kind in KINDS and (lane + core + turn) % 3 > 0),
        "weight_width": (4, 5, 8)[(lane + 2 * turn) % 3],
        "requantise_lanes": (max(lanes // 8, 4), lanes, lanes * banks)[core * (2 - lane % 2) % 3],
        "input_elements": min((1, 2, 4, 8)[(lane + core + turn) % 4], lanes),
    }
    step_width = AcceleratorConfig.of(values, "matrix").step_width
    needed = width_needed(*(network for network, _ in networks(lane % 3 + 2)))
    # Just enough: partial sums that wrap around must end right all the same.
    values["accumulator_width"] = max(needed, step_width, 12)
    if kind == "signed_mac":
        values["low_bits"] = values["accumulator_width"]
    ample = AcceleratorConfig.of(values, "matrix")
    # Just enough here too: registers are as wide as the memory needs.
    values["activation_words"] = max(
        fitted(compile_network(network, ample, encoding_names(ample)[0])).activation_words
        for network, _ in networks(lane % 3 + 2)
    )
    return AcceleratorConfig.of(values, "matrix")


def test_cover_has_every_value() -> None:
    configs = [configuration(*item) for item in COVER]
    assert {c.lanes for c in configs} == set(LANES)
    assert {c.cores for c in configs} == set(CORES)
    assert {kind for *_, kind in COVER} == set(KINDS)
    assert {c.window_slots for c in configs} == {4, 8, 16}
    assert {c.banks for c in configs} == {1, 2, 4}
    assert {c.max_shift for c in configs if c.lane == "csd"} == {1, 3, 7}
    assert {c.parts for c in configs} == {1, 2, 8}
    assert {min(c.requantisers, c.cores) for c in configs} == {1, 2, 4}
    assert {c.input_elements for c in configs} == {1, 2, 4, 8}
    assert set(COVER) < set(MATRIX)


def test_cover_has_every_way_to_lie() -> None:
    """Maps as they are and transposed, stored as computed and halved, windows in both orders."""
    transposed, halved, by_rows = set(), set(), set()
    for item in COVER:
        config = configuration(*item)
        for network, _ in networks(LANES.index(config.lanes) % 3 + 2):
            for one in compile_network(network, config, "unary").passes:
                transposed.add(one.grid.transposed)
                halved.add(one.halve)
                by_rows |= {segment.by_rows for segment in one.segments}
    assert transposed == halved == by_rows == {False, True}


def test_cover_has_every_way_to_take_an_input() -> None:
    """Beats of every size written whole and element by element; inputs with a part of a beat."""
    whole, parts = set(), set()
    for item in COVER:
        config = configuration(*item)
        for network, x in networks(LANES.index(config.lanes) % 3 + 2):
            image = link([compile_network(network, config, "unary")])
            words = image.descriptors[:POINT_WORDS].astype("<u4")
            point = unpack(POINT, int.from_bytes(words.tobytes(), "little"))
            whole.add((config.input_elements, point["whole_beats"]))
            parts.add(x[0].size % config.input_elements > 0)
    assert whole == {(1, 0), *((size, flag) for size in (2, 4, 8) for flag in (0, 1))}
    assert parts == {False, True}


def test_cover_has_every_linear_pass() -> None:
    """Linear layers with lanes as outputs and as pixels, in one pass and in several."""
    passes: dict[str, set[int]] = {kind: set() for kind in KINDS}
    for lanes, cores, kind in COVER:
        network, _ = networks(LANES.index(lanes) % 3 + 2)[2]
        program = compile_network(network, configuration(lanes, cores, kind), "unary")
        passes[kind] |= {
            sum(one.columns is not None for one in program.passes if one.layer == layer)
            for layer in (1, 2, 3)
        }
    assert max(max(found) for found in passes.values()) > 1
    assert all(found & {1, 2, 3, 4, 5, 6} for found in passes.values()), passes
    assert 0 in set.union(*passes.values())


@pytest.mark.parametrize("max_stride", [2, 3, 4])
def test_layers_use_their_range(max_stride: int) -> None:
    for network, x in networks(max_stride):
        for name, values in run(network, x).items():
            assert values.min() < values.max(), f"{name} is constant and would hide errors"


@pytest.mark.parametrize(("lanes", "cores", "kind"), COVER)
def test_cover(lanes: int, cores: int, kind: str) -> None:
    check(configuration(lanes, cores, kind))


@pytest.mark.parametrize(("lanes", "cores", "kind"), [(4, 2, "mac"), (8, 1, "signed_mac")])
def test_conventional_lanes(lanes: int, cores: int, kind: str) -> None:
    check(configuration(lanes, cores, kind))


@pytest.mark.parametrize(
    ("lanes", "cores", "kind"),
    [
        (8, 2, "unsigned_csd"),
        (4, 1, "unsigned_two"),
        pytest.param(16, 1, "unsigned_mac", marks=pytest.mark.slow),
    ],
)
def test_unsigned_accumulators(lanes: int, cores: int, kind: str) -> None:
    check(configuration(lanes, cores, kind))


@pytest.mark.parametrize(
    ("lanes", "cores", "kind", "requantise_lanes"),
    [*REGISTERED[:1], *(pytest.param(*item, marks=pytest.mark.slow) for item in REGISTERED[1:])],
)
def test_register_stages(lanes: int, cores: int, kind: str, requantise_lanes: int) -> None:
    """Several words requantised at a time, whole words, parts of words; lanes with a sign and
    without; and with columns of weights, where operands have no registers."""
    # Words in parts may need other, larger grids.
    config = replace(
        configuration(lanes, cores, kind),
        requantise_lanes=requantise_lanes,
        activation_words=2048,
        register_stages=1,
    )
    check(config)


def test_register_stages_have_every_case() -> None:
    parts, linear = set(), set()
    for lanes, cores, kind, requantise_lanes in REGISTERED:
        config = replace(configuration(lanes, cores, kind), requantise_lanes=requantise_lanes)
        parts.add((config.parts > 1, config.requantisers > 1))
        linear.add((config.linear, config.unsigned))
    assert parts == {(True, False), (False, False), (False, True)}
    assert linear == {(True, False), (False, False), (False, True)}


@pytest.mark.slow
@pytest.mark.parametrize(("lanes", "cores", "kind"), [item for item in MATRIX if item not in COVER])
def test_rest_of_the_matrix(lanes: int, cores: int, kind: str) -> None:
    check(configuration(lanes, cores, kind))


def check(config: AcceleratorConfig) -> None:
    """Run both networks in every encoding on one configuration and compare."""
    encodings = encoding_names(config)
    work = networks(LANES.index(config.lanes) % 3 + 2)
    programs = [
        [compile_network(network, config, encoding) for encoding in encodings]
        for network, _ in work
    ]
    image = link([program for group in programs for program in group])
    for index, ((network, x), group) in enumerate(zip(work, programs, strict=True)):
        points = np.repeat(np.arange(len(group)) + index * len(group), len(x))
        inputs = np.concatenate([x.reshape(len(x), -1)] * len(group))
        outputs = int(np.prod(group[0].output_shape))
        counted = simulate(image, inputs, points, outputs, timeout=10**6, stores=True, toggles=True)
        compare(network, x, group, counted, AddressPredictor(image), int(points[0]))
    overlapped(work[0], programs[0])
    overlapped(work[2], programs[2])
    overlapped(work[3], programs[3])


def test_hardware_for_linear_layers_alone() -> None:
    """Vectors from the input, taken in whole beats, to the output; operands and weights of few
    bits, parts of words."""
    rng = np.random.default_rng(3)
    b = NetworkBuilder(rng, (24, 1, 1), 4, count=4)
    hidden = b.accumulate(b.convolution("x", 21, (1, 1)), bits=3, one_scale=True)
    b.accumulate(b.convolution(hidden, 10, (1, 1)), raw=True)
    network, x = b.network(), b.images
    config = AcceleratorConfig(
        layer_kinds="linear", lanes=8, cores=2, rails=1, operand_width=5, weight_width=5, banks=2,
        requantise_lanes=4, accumulator_width=max(width_needed(network), 12), weight_words=256,
        activation_words=32, input_elements=4,
    )  # fmt: skip
    programs = [compile_network(network, config, encoding) for encoding in ("unary", "csd")]
    image = link(programs)
    points = np.repeat(np.arange(2), len(x))
    inputs = np.concatenate([x.reshape(len(x), -1)] * 2)
    counted = simulate(image, inputs, points, 10, timeout=10**5, stores=True, toggles=True)
    compare(network, x, programs, counted, AddressPredictor(image), 0)
    overlapped((network, x), programs)


def test_bundles_beyond_an_address_of_16_bits() -> None:
    """A program that crosses it, and one behind it."""
    b = NetworkBuilder(np.random.default_rng(5), (4, 1, 2), 4, count=2)
    b.accumulate(b.convolution("x", 8, (1, 1)), raw=True)
    network, x = b.network(), b.images
    layer = network.layers[0]
    assert isinstance(layer, Accumulate)
    (source,) = layer.sources
    heavy = replace(source, weights=np.full_like(source.weights, -2100))
    work = [replace(network, layers=(replace(layer, sources=(heavy,)),)), network]
    config = AcceleratorConfig(
        lanes=4, cores=1, lane="unary", rails=1, banks=1, window_slots=4, term_words=131072,
        activation_words=32, descriptor_words=512, accumulator_width=width_needed(*work),
    )  # fmt: skip
    programs = [compile_network(one, config, "unary") for one in work]
    image = link(programs)
    assert len(programs[0].passes[-1].bundles[0]) < 65536 < programs[0].term_words[0]
    inputs = x.reshape(len(x), -1)
    for point, (one, program) in enumerate(zip(work, programs, strict=True)):
        points = np.full(len(x), point)
        counted = simulate(image, inputs, points, 16, timeout=10**6, stores=True, toggles=True)
        compare(one, x, [program], counted, AddressPredictor(image), point)


def overlapped(work: tuple[IntegerNetwork, np.ndarray], programs: list[Program]) -> None:
    """Inferences of all points in turn, started while others are under way: outputs and cycles."""
    _, x = work
    image = link(programs)
    points = np.array([0, len(programs) - 1, 0, 0, len(programs) - 1])
    images = np.arange(len(points)) % len(x)
    inputs = x.reshape(len(x), -1)[images]
    outputs = int(np.prod(programs[0].output_shape))
    counted = simulate(image, inputs, points, outputs, timeout=10**6, overlap=True)
    for number, (point, index) in enumerate(zip(points, images, strict=True)):
        expected = execute(programs[point], x[index][None]).outputs[0]
        assert counted.outputs[number].tolist() == expected.tolist(), f"inference {number}"
    machine = Machine(image)
    words = [
        linear_words(programs[point], x[index][None])[0]
        for point, index in zip(points, images, strict=True)
    ]
    intervals = machine.intervals(points.tolist(), [word for each in words for word in each])
    assert counted.cycles.tolist() == intervals
    # The first layer alone reads the input: the next one's is taken meanwhile.
    alone = [
        machine.run(int(point), each).cycles for point, each in zip(points, words, strict=True)
    ]
    assert intervals[0] == alone[0]
    assert all(one < other for one, other in zip(intervals[1:], alone[1:], strict=True))


def compare(
    network: IntegerNetwork,
    x: np.ndarray,
    programs: list[Program],
    counted: SimulationResult,
    predictor: AddressPredictor,
    first_point: int,
) -> None:
    """Compare what the RTL did, program after program, with interpreter and reference."""
    reference = {name: values.numpy() for name, values in run(network, x).items()}
    assert counted.stores is not None
    assert counted.toggles is not None
    first = 0
    for number, program in enumerate(programs):
        which = f"{program.encoding} on {program.config}"
        images = slice(number * len(x), (number + 1) * len(x))
        executed = predictor.execute(program, first_point + number, x)

        words = len(x) * executed.stores.shape[1]
        stored = counted.stores[first : first + words].reshape(len(x), -1)
        first += words
        assert (stored["bank"] == predictor.banks).all(), f"store banks, {which}"
        assert (stored["address"] == predictor.addresses).all(), f"store addresses, {which}"
        assert mismatches(stored["word"], executed.stores) == 0, f"stored words, {which}"
        assert mismatches(counted.outputs[images], executed.outputs) == 0, f"outputs, {which}"

        rtl = layer_arrays(network, program, stored["word"], counted.outputs[images])
        for name, values in rtl.items():
            assert mismatches(values, reference[name]) == 0, f"layer {name}, {which}"

        assert counted.cycles[images].tolist() == predictor.cycles.tolist(), f"cycles, {which}"
        for name in CLASSES:
            found, expected = counted.toggles[name][images], predictor.flips[name]
            assert found.tolist() == expected.tolist(), f"flips of class {name}, {which}"
    assert first == len(counted.stores)


def mismatches(found: np.ndarray, expected: np.ndarray) -> int:
    """Elements that differ."""
    assert found.shape == expected.shape
    return int((found != expected).sum())


class AddressPredictor(FlipPredictor):
    """Also records where every word is stored."""

    def begin(self, program: Program, inputs: np.ndarray) -> None:
        super().begin(program, inputs)
        self.banks: list[int] = []
        self.addresses: list[int] = []

    def store(self, bank: int, address: int, word: np.ndarray) -> None:
        super().store(bank, address, word)
        self.banks.append(bank)
        self.addresses.append(address)
