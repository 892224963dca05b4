"""Sequencer, input loader, descriptor reader, drain and pooling unit, each on its own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.machine.units import DescriptorReader, Drain, InputLoader, MaxPool, Sequencer
from pann_hw.program.compile import compile_network
from pann_hw.program.image import Image, link
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
from pann_hw.program.program import Pass, Program
from tests.random_networks import one_layer, random_config, random_network, residual_network


def flips() -> dict[str, int]:
    return {"control": 0, "memory_ports": 0}


def whole(words: np.ndarray) -> int:
    """Words of 32 bits as one integer, lowest first."""
    return sum(int(word) << 32 * index for index, word in enumerate(words))


def point(image: Image, number: int = 0) -> dict[str, int]:
    entry = number * directory_stride(image.config)
    return unpack(POINT, whole(image.descriptors[entry : entry + POINT_WORDS]))


@pytest.fixture
def program(rng: np.random.Generator) -> Program:
    network, _ = residual_network(rng, 2)
    return compile_network(network, AcceleratorConfig(cores=3), "csd")


def records(program: Program) -> Iterator[tuple[Pass, int, int, int]]:
    """Of each pass: itself, its record, its segments' and its cores'."""
    words = link([program]).descriptors
    position = int(words[0]) & 0xFFFF
    for item in program.passes:
        found = []
        cores = 0 if item.pool else item.channels
        for size in (PASS_WORDS, SEGMENT_WORDS * len(item.segments), CORE_WORDS * cores):
            found.append(whole(words[position : position + size]))
            position += size
        yield item, found[0], found[1], found[2]


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


def test_drain_stores_where_the_interpreter_does(program: Program) -> None:
    """Word after word of all cores, tile after tile; raw passes a lane at a time."""
    config = program.config
    ready = 2**config.cores - 1
    drain = Drain(config, flips())
    for item, bits, _, cores in records(program):
        drain.start(bits, cores)
        if item.pool:
            assert drain.state == drain.POOL
            drain.clock(ready, pooled=0)
            assert drain.state == drain.POOL
            drain.clock(ready, pooled=1)
            assert drain.state == drain.IDLE
            continue
        for tile in range(item.tiles):
            for core in range(item.channels):
                steps = len(item.grid.lanes(tile)) if item.raw else item.steps
                last = tile == item.tiles - 1 and core == item.channels - 1
                sent = 0
                while not drain.core_done(ready):
                    assert not drain.core_done(0)
                    drain.clock(0, pooled=0)  # sums that are not there
                    drain.clock(ready, pooled=0)
                    sent += 1
                    assert not item.raw or drain.lane <= drain.last_lane
                assert sent < config.lanes
                if item.raw:
                    lanes = [lane for lane, _, _ in item.grid.lanes(tile)]
                    assert drain.last_lane == lanes[-1]
                else:
                    assert sent == steps - 1
                assert drain.pass_done(ready) == last
                drain.clock(ready, pooled=0)
                assert drain.write == (not item.raw)
                if drain.write:
                    bank, address = item.place(core)
                    assert (drain.banks, drain.address) == (1 << bank, address + tile)
        assert drain.state == drain.IDLE


def test_pooled_words_are_stored_channel_by_channel(program: Program) -> None:
    config = program.config
    slots, banks = config.window_slots, config.banks
    pool = MaxPool(config, flips())
    item, bits = next((item, bits) for item, bits, _, _ in records(program) if item.pool)
    segment, grid = item.segments[0], item.grid
    taps = segment.kernel[0] * segment.kernel[1]
    base = 6
    pool.start(enable=True, base=base, output_base=item.output.base)
    assert not pool.done
    for tile in range(grid.words):
        for group in range(segment.groups):
            for tap in range(taps):
                # Nothing happens until the group of windows is there.
                pool.clock(pool.position, 0, unpack(PASS, bits), segment.groups)
                assert not pool.write
                filled = pool.position + banks & 2 * slots - 1
                ends = tap == taps - 1
                last = int(ends) << (pool.position & slots - 1) // banks
                pool.clock(filled, last, unpack(PASS, bits), segment.groups)
                assert pool.position == filled
                assert pool.write == pool.fresh == ends
            address = item.output.base + group * grid.words + tile
            assert pool.address == address
    assert pool.done
    windows = item.windows * item.tiles
    assert pool.position == (base + windows) % (2 * slots)


def test_pooling_blocks_where_slots_are_full() -> None:
    pool = MaxPool(AcceleratorConfig(banks=2, window_slots=8), flips())
    assert not pool.blocking(8)
    pool.start(enable=True, base=14, output_base=0)
    assert [pool.blocking(14 + held & 15) for held in (0, 2, 4, 6, 8)] == [False] * 4 + [True]


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
