"""Sequencer, input loader and descriptor reader, each on its own."""

from __future__ import annotations

import numpy as np
import pytest

from pann_hw.machine.start import DescriptorReader, InputLoader, Sequencer
from pann_hw.program.compile import compile_network
from pann_hw.program.image import link
from pann_hw.program.layout import (
    CORE_WORDS,
    MAX_POINTS,
    PASS,
    PASS_WORDS,
    POINT,
    POINT_WORDS,
    SEGMENT_WORDS,
    directory_stride,
    unpack,
)
from pann_hw.program.program import Program
from tests.program_records import flips, point, records, residual_program
from tests.random_networks import one_layer, random_config, random_network


@pytest.fixture
def program(rng: np.random.Generator) -> Program:
    return residual_program(rng)


def test_input_goes_where_its_grid_says(rng: np.random.Generator) -> None:
    """Elements come channel by channel, row by row, several at a time where they lie side by side;
    each has the place of its pixel."""
    whole_beats = set()
    for _ in range(40):
        config = random_config(rng, input_elements=int(rng.choice([1, 2, 4])))
        network = random_network(rng, 4, layers=2)[0]
        if rng.random() < 0.5:
            network = one_layer((int(rng.integers(1, 9)), int(rng.integers(1, 9)), 8), (1, 1))
        program = compile_network(network, config, "unary")
        place = program.placements["x"]
        record = point(link([program]))
        loader = InputLoader(config, flips())
        loader.start(record)
        at = {
            (y, x): (word, lane)
            for word in range(place.grid.words)
            for lane, y, x in place.grid.lanes(word)
        }
        size = config.input_elements if record["whole_beats"] else 1
        whole_beats.add((config.input_elements, record["whole_beats"]))
        pixels = list(np.ndindex(place.shape[0], *place.grid.size))
        for first in range(0, len(pixels), size):
            found = set()
            lanes = 0
            for channel, y, x in pixels[first : first + size]:
                group, bank = divmod(channel, config.banks)
                word, lane = at[y, x]
                found.add((bank, place.base + group * place.grid.words + word))
                lanes |= 1 << lane
            assert loader.busy
            assert [(*one, lanes) for one in found] == [loader.place(record)]
            loader.clock(record)
        assert not loader.busy
    assert whole_beats == {(1, 0), (2, 0), (2, 1), (4, 0), (4, 1)}


def test_passes_are_read_ahead(program: Program) -> None:
    """One pass waits to be taken, the next but one is not read; records wait likewise."""
    reader = DescriptorReader(program.config, flips(), link([program]).descriptors)
    reader.start(point(link([program]))["first_pass"])
    for item, bits, segments, cores in records(program):
        for _ in range(100):
            address = reader.address
            reader.clock(item_taken=False, records_taken=False)
            reader.read(address)
        assert reader.item_valid
        assert reader.item_bits == bits
        assert reader.item == unpack(PASS, bits)
        size = SEGMENT_WORDS * 32 * len(item.segments)
        assert reader.segments_bits & (1 << size) - 1 == segments
        assert reader.segments[0] == segments & (1 << 32 * SEGMENT_WORDS) - 1
        assert reader.records_valid == (not item.pool)
        if not item.pool:
            size = CORE_WORDS * 32 * item.channels
            assert reader.records & (1 << size) - 1 == cores
        address = reader.address
        reader.clock(item_taken=True, records_taken=not item.pool)
        reader.read(address)
        assert not reader.item_valid
    assert reader.state == reader.IDLE


def test_descriptors_take_a_cycle_a_word(program: Program) -> None:
    reader = DescriptorReader(program.config, flips(), link([program]).descriptors)
    reader.start(point(link([program]))["first_pass"])
    item = program.passes[0]
    cycles = 0
    while not reader.records_valid:
        address = reader.address
        reader.clock(item_taken=False, records_taken=False)
        reader.read(address)
        cycles += 1
    segments = SEGMENT_WORDS * len(item.segments)
    # Each of the two parts waits a cycle for its first word.
    assert cycles == 1 + PASS_WORDS + segments + 1 + CORE_WORDS * item.channels


@pytest.mark.parametrize("number", [0, MAX_POINTS - 1])
def test_sequencer_reads_its_point(number: int, program: Program) -> None:
    """The entry, a word a cycle, then the input, then where each core's bundles begin."""
    image = link([program] * MAX_POINTS)
    config, stride = image.config, directory_stride(image.config)
    sequencer = Sequencer(config, flips(), image.descriptors[: MAX_POINTS * stride])
    assert not sequencer.busy
    sequencer.start(number * stride)
    cycles = 0
    jumps: list[tuple[int, int]] = []
    while not sequencer.running:
        assert sequencer.busy
        if sequencer.jump is not None:
            jumps.append((sequencer.jump, sequencer.word))
        if sequencer.state == sequencer.PLACE:
            assert sequencer.input_starts(0)
        sequencer.clock(input_busy=0, input_free=0, passes_end=False, array_busy=False)
        cycles += 1
    assert unpack(POINT, sequencer.entry) == point(image, number)
    assert jumps == [(core, number * words) for core, words in enumerate(program.term_words)]
    # Waiting for the first word; the entry; the place, the loader's start and end; the jumps.
    assert cycles == 1 + POINT_WORDS + 3 + config.cores
    assert not sequencer.done(array_busy=False)
    sequencer.clock(input_busy=0, input_free=0, passes_end=True, array_busy=True)
    assert not sequencer.done(array_busy=True)
    assert sequencer.done(array_busy=False)
    sequencer.clock(input_busy=0, input_free=0, passes_end=False, array_busy=False)
    assert not sequencer.busy
