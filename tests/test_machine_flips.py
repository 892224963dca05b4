"""Predicted flips against following every signal value by value, image after image."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pytest
from pann_hw.machine.flips import CLASSES, FlipPredictor
from pann_hw.machine.interpret import execute
from pann_hw.machine.observer import Observer, Rows
from pann_hw.program.timing import PassTiming, Tile, TileTiming

from pann_hw.config import AcceleratorConfig
from pann_hw.program.compile import compile_network
from pann_hw.program.image import link
from pann_hw.program.layout import term_fields, unpack_array
from pann_hw.program.program import Pass, Program
from tests.random_networks import one_layer, random_config, random_network

EXACT_CLASSES = ("operand", "accumulator", "term_stream", "row_buffer", "requantiser")


class Follower(Observer):
    """Holds every signal's value and counts the bits that change, for one image at a time."""

    def __init__(self, config: AcceleratorConfig) -> None:
        self._config = config
        self._values: dict[tuple[str, str, int], int] = defaultdict(int)
        self.flips: dict[str, int] = {}

    def set(self, signal_class: str, signal: str, values: Sequence[int], width: int) -> None:
        """Signals of so many bits, one per element, take new values."""
        for index, value in enumerate(values):
            key = (signal_class, signal, index)
            value %= 1 << width
            self.flips[signal_class] += (self._values[key] ^ value).bit_count()
            self._values[key] = value

    def begin(self, program: Program, inputs: np.ndarray) -> None:
        assert len(inputs) == 1
        self.flips = dict.fromkeys(EXACT_CLASSES, 0)

    def begin_pass(self, item: Pass, timing: PassTiming) -> None:
        self._item = item

    def tile(self, tile: Tile, timing: TileTiming, rows: Rows) -> None:
        for number, cycles in enumerate(timing.issue):
            core, rail = divmod(number, self._config.rails)
            self._stream(number, self._item.terms[core][rail], cycles.tolist())
        self._row_buffer(timing, rows)

    def _stream(self, number: int, stream: np.ndarray, cycles: list[int]) -> None:
        """The memory's output, and cycle by cycle the registers that it sets."""
        for word in stream.tolist():
            self.set("term_stream", f"word{number}", [word], 16)
        fields = unpack_array(term_fields(self._config), stream)
        window = 0
        terms = {}
        for index, cycle in enumerate(cycles):
            term = {name: int(values[index]) for name, values in fields.items()}
            window += term["advance"]
            terms[cycle] = term | {"slot": window % self._config.window_slots}
        for cycle in range(cycles[0], cycles[-1] + 2):
            chosen = terms.get(cycle)
            active = chosen is not None and chosen["add"]
            self.set("term_stream", f"active{number}", [int(active)], 1)
            if chosen is not None and active:
                for name in ("slot", "offset", "shift", "subtract"):
                    self.set("term_stream", f"{name}{number}", [chosen.get(name, 0)], 8)

    def _row_buffer(self, timing: TileTiming, rows: Rows) -> None:
        """Word after word: the first write of a window also pads, each puts its elements."""
        slots = self._config.window_slots
        ring: dict[int, list[int]] = {}
        for window, (first, last) in enumerate(timing.reads.tolist()):
            for cycle in range(first, last + 1):
                if cycle >= timing.prepared:
                    return
                row = ring.get(window % slots, [0] * self._config.row_width)
                for j in range(self._config.row_width):
                    if rows.word[window, j] == cycle - first:
                        row[j] = int(rows.elements[0, window, j])
                    elif cycle == first:
                        row[j] = int(rows.pads[window])
                ring[window % slots] = row
                self.set("row_buffer", f"slot{window % slots}", row, 8)

    def operands(self, rail: int, values: np.ndarray, cycles: np.ndarray) -> None:
        by_cycle = dict(zip(cycles.tolist(), values[0].tolist(), strict=True))
        idle = [0] * self._config.lanes
        for cycle in range(min(by_cycle, default=0), max(by_cycle, default=0) + 2):
            self.set("operand", f"rail{rail}", by_cycle.get(cycle, idle), 8)

    def accumulator(self, core: int, bias: int, values: np.ndarray) -> None:
        width = self._config.accumulator_width
        self.set("accumulator", f"core{core}", [bias] * self._config.lanes, width)
        for sums in values[0].tolist():
            self.set("accumulator", f"core{core}", sums, width)

    def requantiser(self, core: int, states: np.ndarray) -> None:
        for state in states[0].tolist():
            self.set("requantiser", "state", state, self._config.accumulator_width + 3)


def test_a_batch_is_its_images_one_after_another(rng: np.random.Generator) -> None:
    """Several calls, of other programs too, on one predictor; one image at a time by following."""
    for _ in range(12):
        config = random_config(rng)
        runs = []
        for _ in range(2):
            network, x = random_network(rng, config.max_stride, layers=3)
            encoding = "csd" if config.shift and rng.random() < 0.5 else "unary"
            runs.append((compile_network(network, config, encoding), x))
        image_of_both = link([program for program, _ in runs])
        predictor, follower = FlipPredictor(image_of_both), Follower(config)
        for point, (program, x) in enumerate(runs):
            predictor.select(point)
            execute(program, x, predictor)
            for image in range(len(x)):
                execute(program, x[image : image + 1], follower)
                found = {name: int(predictor.flips[name][image]) for name in EXACT_CLASSES}
                assert found == follower.flips, f"image {image}, {program.encoding} on {config}"


@pytest.mark.parametrize("encoding", ["unary", "csd"])
def test_every_class_flips(encoding: str, rng: np.random.Generator) -> None:
    config = AcceleratorConfig()
    network, x = random_network(rng, 2)
    program = compile_network(network, config, encoding)
    predictor = FlipPredictor(link([program]))
    execute(program, x, predictor)
    assert tuple(predictor.flips) == CLASSES
    for name, flips in predictor.flips.items():
        assert flips.shape == (len(x),)
        assert flips.dtype == np.int64
        assert (flips > 0).all(), name


def test_classes_without_signals_are_zero(rng: np.random.Generator) -> None:
    """A network of one raw layer requantises nothing."""
    config = AcceleratorConfig()
    network = one_layer((1, 3, 3), (3, 3))
    program = compile_network(network, config, "unary")
    predictor = FlipPredictor(link([program]))
    execute(program, rng.integers(0, 256, (3, 1, 3, 3)), predictor)
    assert tuple(predictor.flips) == CLASSES
    assert predictor.flips["requantiser"].tolist() == [0, 0, 0]
