"""Drain and pooling unit, each on its own."""

from __future__ import annotations

import numpy as np
import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.machine.drain import Drain, MaxPool
from pann_hw.program.layout import (
    PASS,
    unpack,
)
from pann_hw.program.program import Program
from tests.program_records import flips, records, residual_program


@pytest.fixture
def program(rng: np.random.Generator) -> Program:
    return residual_program(rng)


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
