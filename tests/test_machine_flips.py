"""Predicted flips against following every signal value by value, image after image."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.integer.network import Accumulate, IntegerNetwork, Source, Tensor
from pann_hw.integer.requantise import Scale
from pann_hw.machine.flips import CLASSES, FlipPredictor
from pann_hw.machine.interpret import Activations, execute
from pann_hw.machine.machine import Machine
from pann_hw.machine.observer import Observer
from pann_hw.program.compile import compile_network
from pann_hw.program.image import link
from pann_hw.program.program import Program
from tests.random_networks import (
    feature_map_network,
    one_layer,
    random_config,
    random_network,
    residual_network,
)


class Follower(Observer):
    """Holds every signal that data decides and counts its bits that change, image by image."""

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        self._values: dict[tuple[str, str, int], int] = defaultdict(int)
        self.flips: dict[str, int] = {}

    def set(self, signal_class: str, signal: str, values: np.ndarray, width: int) -> None:
        """Signals of so many bits, one per element, take new values."""
        for index, value in enumerate(np.ravel(values).tolist()):
            key, bits = (signal_class, signal, index), value % (1 << width)
            self.flips[signal_class] += (self._values[key] ^ bits).bit_count()
            self._values[key] = bits

    def begin(self, program: Program, inputs: np.ndarray) -> None:
        assert len(inputs) == 1
        self.flips = dict.fromkeys(CLASSES, 0)
        self._windows = 0
        self._finished: dict[int, np.ndarray] = {}
        self._cycle = [0] * self._config.cores

    def load(self, bank: int, words: np.ndarray) -> None:
        for word in words[0]:
            self.set("memory_ports", f"store{bank}", word, 8)

    def words(self, words: np.ndarray) -> None:
        for group in words[0]:
            for bank in range(self._config.banks):
                self.set("memory_ports", f"word{bank}", group[bank], 8)

    def rows(self, windows: np.ndarray) -> None:
        """A group of windows takes as many slots as there are banks, one after another."""
        for made in windows[0]:
            for bank in range(self._config.banks):
                slot = self._windows % self._config.window_slots
                self.set("row_buffer", f"slot{slot}", made[bank], 8)
                self._windows += 1

    def operands(self, core: int, cycles: np.ndarray, values: np.ndarray, adds: np.ndarray) -> None:
        """Cycle by cycle; where nothing is issued, and where there is no term, operands are 0."""
        by_cycle = dict(zip(cycles.tolist(), values[0], strict=True))
        assert not values[0][~adds].any()
        for cycle in range(self._cycle[core], int(cycles[-1]) + 1):
            found = by_cycle.get(cycle, np.zeros_like(values[0, 0]))
            self.set("operand", f"core{core}", found, 8)
        self._cycle[core] = int(cycles[-1]) + 1

    def accumulator(self, core: int, values: np.ndarray) -> None:
        width = self._config.accumulator_width
        for sums in values[0]:
            self.set("accumulator", f"core{core}", sums, width)
        self.set("accumulator", f"finished{core}", values[0, -1], width)
        self._finished[core] = values[0, -1]

    def drained(self, core: int, lanes: int) -> None:
        config = self._config
        for first in range(0, lanes * config.register_stages, config.part_lanes):
            sums = self._finished[core][first : first + config.part_lanes]
            signal = f"sums{core % config.requantisers}"
            self.set("requantiser", signal, sums, config.accumulator_width)

    def requantiser(self, core: int, states: np.ndarray) -> None:
        config = self._config
        signal = f"state{core % config.requantisers}"
        for first in range(0, config.lanes, config.part_lanes):
            for state in states[0, :, first : first + config.part_lanes]:
                self.set("requantiser", signal, state, config.accumulator_width + 3)

    def pool(self, values: np.ndarray) -> None:
        for state in values[0]:
            self.set("control", "pool", state, 8)

    def store(self, bank: int, address: int, word: np.ndarray) -> None:
        self.set("memory_ports", f"store{bank}", word[0], 8)

    def end(self) -> None:
        zero = np.zeros((self._config.terms, self._config.lanes), np.int64)
        for core in range(self._config.cores):
            self.set("operand", f"core{core}", zero, 8)


def test_a_batch_is_its_images_one_after_another(rng: np.random.Generator) -> None:
    """Several calls, of other programs too, on one predictor; one image at a time by following."""
    for _ in range(6):
        config = random_config(rng, register_stages=int(rng.integers(2)))
        runs = []
        for _ in range(2):
            network, x = random_network(rng, 4, layers=3)
            encoding = "csd" if config.shift and rng.random() < 0.5 else "unary"
            runs.append((compile_network(network, config, encoding), x))
        image_of_both = link([program for program, _ in runs])
        predictor, follower = FlipPredictor(image_of_both), Follower(config)
        machine, left = Machine(image_of_both), Activations.reset(config, 1)
        for point, (program, x) in enumerate(runs * 2):
            done = predictor.execute(program, point % 2, x)
            for image in range(len(x)):
                schedule = machine.run(point % 2)
                one = execute(
                    program, x[image : image + 1], found=left, observer=follower, schedule=schedule
                )
                left = one.left
                # What steers is counted by the machine.
                expected = {n: follower.flips[n] + schedule.flips.get(n, 0) for n in CLASSES}
                found = {name: int(predictor.flips[name][image]) for name in CLASSES}
                assert found == expected, f"image {image}, {program.encoding} on {config}"
                assert (one.stores[0] == done.stores[image]).all()
                assert predictor.cycles[image] == schedule.cycles


def test_what_was_left_goes_on_from_image_to_image() -> None:
    """Lanes without a pixel store what they read of what the image before has left there."""
    rng = np.random.default_rng(4)
    residual_network(rng, 4)
    network, x = feature_map_network(rng, 4)
    config = AcceleratorConfig(
        lanes=16, cores=4, banks=4, window_slots=8, low_bits=5, activation_words=2048,
        requantise_lanes=4, input_elements=4,
    )  # fmt: skip
    programs = [compile_network(network, config, encoding) for encoding in ("unary", "csd")]
    image = link(programs)
    batches, images = FlipPredictor(image), FlipPredictor(image)
    for point, program in enumerate(programs):
        batches.execute(program, point, x)
        found: dict[str, list[int]] = {name: [] for name in CLASSES}
        for one in x:
            images.execute(program, point, one[None])
            for name in CLASSES:
                found[name].append(int(images.flips[name][0]))
        assert {name: batches.flips[name].tolist() for name in CLASSES} == found


def bits(*values: int) -> int:
    """Flips of a register that takes these values one after another, from 0."""
    return sum((a ^ b).bit_count() for a, b in pairwise((0, *values)))


def test_flips_by_hand() -> None:
    """One pixel, weight 3 in unary terms on one lane: 0, x, 2 x, 3 x in its accumulator."""
    config = AcceleratorConfig(
        lanes=4, cores=1, lane="unary", rails=1, banks=1, window_slots=4,
        accumulator_width=24, activation_words=64, term_words=64, descriptor_words=512,
    )  # fmt: skip
    source = Source("x", np.full((1, 1, 1, 1), 3))
    output = Tensor("y", (1, 1, 1), 8)
    layer = Accumulate(output, (source,), np.zeros(1, np.int64), None, 0)
    network = IntegerNetwork(Tensor("x", (1, 1, 1), 8), (layer,))
    program = compile_network(network, config, "unary")
    predictor = FlipPredictor(link([program]))
    x = np.array([0b10110101, 0b00001111, 0b11111111])
    predictor.execute(program, 0, x.reshape(3, 1, 1, 1))

    # The operand is gated to 0 before and after the three cycles, in which it stays.
    assert predictor.flips["operand"].tolist() == [2 * int(v).bit_count() for v in x]
    # The window is element 0 of a slot; each inference begins with slot 0 again.
    slot, accumulator, finished, rows, expected = 0, 0, 0, [], []
    for value in x.tolist():
        rows.append((slot ^ value).bit_count())
        slot = value
        flips = (finished ^ 3 * value).bit_count()
        for sums in (value, 2 * value, 3 * value):
            flips += (accumulator ^ sums).bit_count()
            accumulator = sums
        finished = accumulator
        expected.append(flips)
    assert predictor.flips["row_buffer"].tolist() == rows
    assert predictor.flips["accumulator"].tolist() == expected
    assert predictor.flips["requantiser"].tolist() == [0, 0, 0]


def test_requantiser_by_hand() -> None:
    """The register after each digit of a scale of 3/8, in every lane."""
    config = AcceleratorConfig(
        lanes=4, cores=1, lane="unary", rails=1, banks=1, window_slots=4,
        activation_words=64, term_words=64, descriptor_words=512,
    )  # fmt: skip
    scale = Scale.nearest(0.375)
    source = Source("x", np.ones((1, 1, 1, 1), np.int64))
    first = Accumulate(Tensor("a", (1, 1, 1), 8), (source,), np.array([5]), (scale,), 255)
    last = Accumulate(
        Tensor("y", (1, 1, 1), 8), (Source("a", np.ones((1, 1, 1, 1), np.int64)),),
        np.zeros(1, np.int64), None, 0,
    )  # fmt: skip
    network = IntegerNetwork(Tensor("x", (1, 1, 1), 8), (first, last))
    program = compile_network(network, config, "unary")
    predictor = FlipPredictor(link([program]))
    predictor.execute(program, 0, np.array([[[[103]]]]))
    # All lanes take part: lane 0 has 103 + 5, the others, without a pixel, the bias alone.
    expected = 0
    for total in (108, 5, 5, 5):
        register, values = 0, []
        for digit, shift in scale.steps:
            register = (register + digit * total) >> shift
            values.append(register % 2**27)
        expected += bits(*values)
    assert predictor.flips["requantiser"].tolist() == [expected]


@pytest.mark.parametrize("encoding", ["unary", "csd"])
def test_every_class_flips(encoding: str, rng: np.random.Generator) -> None:
    config = AcceleratorConfig()
    network, x = random_network(rng, 2)
    program = compile_network(network, config, encoding)
    predictor = FlipPredictor(link([program]))
    predictor.execute(program, 0, x)
    assert tuple(predictor.flips) == CLASSES
    for name, flips in predictor.flips.items():
        assert flips.shape == (len(x),)
        assert flips.dtype == np.int64
        assert (flips > 0).all(), name


def test_classes_without_signals_are_zero(rng: np.random.Generator) -> None:
    """A network of one raw layer requantises nothing."""
    network = one_layer((1, 3, 3), (3, 3))
    program = compile_network(network, AcceleratorConfig(), "unary")
    predictor = FlipPredictor(link([program]))
    predictor.execute(program, 0, rng.integers(0, 256, (3, 1, 3, 3)))
    assert tuple(predictor.flips) == CLASSES
    assert predictor.flips["requantiser"].tolist() == [0, 0, 0]
