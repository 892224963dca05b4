"""Timing against a model that steps through every register, cycle by cycle."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from pann_hw.program.timing import Tile, inference_cycles, pass_timing, tile_schedules

from pann_hw.program.compile import compile_network
from pann_hw.program.layout import PASS_WORDS, SEGMENT_WORDS, term_fields, unpack_array
from pann_hw.program.program import Pass, Program
from pann_hw.program.windows import windows
from tests.random_networks import (
    feature_map_network,
    one_layer,
    random_config,
    random_network,
    residual_network,
)


@dataclass
class Rail:
    """A rail's registers, or the pooling unit's: its steps are (windows to advance, last)."""

    steps: list[tuple[int, bool]]
    pooling: bool = False
    done: bool = True
    next_step: int = 0
    position: int = 0
    issued: list[int] = field(default_factory=list)

    def prepare(self) -> None:
        self.done, self.next_step, self.position, self.issued = False, 0, 0, []

    def step(self, clock: int, filled: int) -> None:
        """Issue the next term if the window that it needs is there."""
        advance, last = self.steps[self.next_step]
        needed = self.position + (0 if self.pooling else advance)
        if filled > needed:
            self.issued.append(clock)
            self.position += advance
            self.next_step += 1
            self.done = last


@dataclass
class Observed:
    """What happened in one tile; cycles count from its preparation."""

    reads: dict[int, list[int]]
    issued: list[list[int]]
    run: int
    prepared: int


class SlowPass:
    """One pass, register by register: reader, ring of rows, rails, and the sequencer's states."""

    def __init__(self, item: Pass, program: Program) -> None:
        self._item = item
        self._config = program.config
        self._windows = [(s, w) for s in item.segments for w in windows(s)]
        self.rails = self._pooling() if item.pool else self._terms()
        self.tiles: list[Observed] = []
        self._reads: dict[int, list[int]] = {}
        self.cycles = 0

    def _terms(self) -> list[Rail]:
        rails = []
        for core in self._item.terms:
            for stream in core:
                terms = unpack_array(term_fields(self._config), stream)
                pairs = zip(terms["advance"].tolist(), terms["last"].tolist(), strict=True)
                rails.append(Rail([(advance, bool(last)) for advance, last in pairs]))
        return rails

    def _pooling(self) -> list[Rail]:
        """A step per tap; the last tap of a window frees it."""
        taps = [window.taps for _, window in self._windows]
        steps = [(int(tap == count - 1), False) for count in taps for tap in range(count)]
        return [Rail([*steps[:-1], (1, True)], pooling=True)]

    def words(self, tile: Tile) -> list[int]:
        """Words that each window touches inside the tensor, element by element."""
        lanes, counts = self._config.lanes, []
        for segment, window in self._windows:
            y = tile.row * segment.stride[0] - segment.padding[0] + window.row
            x = tile.index * lanes * segment.stride[1] - segment.padding[1] + window.base
            elements = [x + segment.stride[1] * j for j in range(lanes + window.taps - 1)]
            touched = {e // lanes for e in elements if 0 <= e // lanes < segment.row_words}
            counts.append(len(touched) if 0 <= y < segment.height else 0)
        return counts

    def run(self) -> None:
        item, slots = self._item, self._config.window_slots
        tiles = [
            Tile(row, index, min(self._config.lanes, item.width - index * self._config.lanes))
            for row in range(item.rows)
            for index in range(item.tiles_per_row)
        ]
        descriptor = PASS_WORDS + len(item.segments) * SEGMENT_WORDS + 2 * len(item.bias)
        self.cycles = 1 + descriptor  # PASS_WAIT, PASS
        state, number, clock, left = "START", 0, 0, 0
        words: list[int] = []
        request = word = accepted = filled = run = 0
        arriving = False
        while state != "END":
            done = all(rail.done for rail in self.rails)
            last_tile = number == len(tiles) - 1
            prepare = state == "START" or (state == "RUN" and done and not last_tile)
            blocking = any(
                not rail.done and accepted - rail.position == slots for rail in self.rails
            )
            go = not prepare and not done and request < len(words) and (word > 0 or not blocking)
            following = state
            fill, arriving = arriving, False
            if state == "RUN":
                run += 1
                if done:
                    self._finish(clock, run)
                    drained = item.channels * (tiles[number].valid if item.raw else item.steps)
                    left = 0 if item.pool else drained + 1
                    following = "DRAIN"
                else:
                    for rail in self.rails:
                        if not rail.done:
                            rail.step(clock, filled)
            elif state == "DRAIN":
                left -= 1
            elif state == "START":
                following = "LOAD"
            elif state == "LOAD":
                following, run = "RUN", 0
            if following == "DRAIN" and left == 0:
                following = "END" if last_tile else "LOAD"
                number += 1
            if go:
                self._reads.setdefault(request, []).append(clock)
                word += 1
                if word >= words[request]:
                    request, word, arriving = request + 1, 0, True
                    accepted += 1
            filled += fill
            clock += 1
            self.cycles += 1
            if prepare:
                words = self.words(tiles[0 if state == "START" else number + (left > 0)])
                request = word = accepted = filled = 0
                clock, self._reads = 1, {}
                for rail in self.rails:
                    rail.prepare()
            state = following

    def _finish(self, clock: int, run: int) -> None:
        issued = [rail.issued for rail in self.rails]
        self.tiles.append(Observed(self._reads, issued, run, clock))


def check(program: Program) -> None:
    timings = pass_timing(program)
    total = inference_cycles(program, timings)
    for index, (item, timing) in enumerate(zip(program.passes, timings, strict=True)):
        slow = SlowPass(item, program)
        slow.run()
        assert slow.cycles == total[1 + index]
        schedules = list(tile_schedules(timing))
        assert len(schedules) == len(slow.tiles)
        for (tile, fast, _), observed in zip(schedules, slow.tiles, strict=True):
            assert (fast.run, fast.prepared) == (observed.run, observed.prepared)
            if not item.pool:
                assert [cycles.tolist() for cycles in fast.issue] == observed.issued
            counts = slow.words(tile)
            assert [last - first + 1 for first, last in timing.words(tile)] == counts
            for window, (first, last) in enumerate(fast.reads.tolist()):
                assert last - first + 1 == max(counts[window], 1)
                expected = [cycle for cycle in range(first, last + 1) if cycle < fast.prepared]
                assert observed.reads.get(window, []) == expected


@pytest.mark.parametrize("slots", [2, 4, 8])
def test_random_networks(slots: int, rng: np.random.Generator) -> None:
    for _ in range(12):
        config = random_config(rng, window_slots=slots)
        network, _ = random_network(rng, config.max_stride, layers=3)
        check(compile_network(network, config, "csd" if config.shift else "unary"))


@pytest.mark.parametrize("lanes", [4, 32])
@pytest.mark.parametrize(("lane", "rails"), [("csd", 2), ("unary", 1)])
def test_odd_shapes(lanes: int, lane: str, rails: int, rng: np.random.Generator) -> None:
    config = random_config(rng, lanes=lanes, cores=3, lane=lane, rails=rails, max_stride=3)
    for make in (residual_network, feature_map_network):
        network, _ = make(rng, 3)
        check(compile_network(network, config, "unary"))


def test_input_and_directory(rng: np.random.Generator) -> None:
    """Starting: the directory entry, then a cycle per input element, then the passes."""
    network, _ = residual_network(rng, 2)
    config = random_config(rng, lanes=8, cores=3, lane="unary", rails=1, max_stride=2)
    program = compile_network(network, config, "unary")
    cycles = inference_cycles(program)
    assert cycles[0] == 1 + 2 + 3 + 3 * 7 * 37 + 1
    assert len(cycles) == 1 + len(program.passes)


def test_cycles_of_the_smallest_network(rng: np.random.Generator) -> None:
    """By hand: one window of one word, one term."""
    config = random_config(rng, lanes=4, cores=1, lane="unary", rails=1)
    program = compile_network(one_layer((1, 1, 1), (1, 1)), config, "unary")
    # Wait, read 3 + 5 + 2 descriptor words, start (cycle 0: prepare), load. The row is read in
    # cycle 1 and can be used from cycle 3 on, in which the only term is issued; run lasts from
    # cycle 2 to 4. The output takes 1 cycle, and 1 to be done.
    assert (PASS_WORDS, SEGMENT_WORDS) == (3, 5)
    assert inference_cycles(program)[1] == 1 + (3 + 5 + 2) + 1 + 1 + 3 + 2
