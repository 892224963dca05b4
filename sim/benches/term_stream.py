"""The term stream between its memory, a reader of windows and a drain, cycle by cycle.

The model counts windows without end, from the inference's first, where the stream counts them
modulo twice as many as there are slots.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cocotb

from pann_hw.config import AcceleratorConfig
from pann_hw.program.layout import NO_TERM, ahead_bits, bundle_fields, bundle_words, pack_words
from sim.benches.ports import Ports, bench_test
from sim.benches.units import (
    CONFIG,
    FOUR_TERMS,
    MULTIPLYING,
    ONE_RAIL,
    REGISTERED_TERMS,
    UNSIGNED,
    unit_ports,
)

__all__ = ["inferences", "runs_ahead", "slow_drain"]

_STREAMS = {
    "terms": CONFIG,
    "terms_one_rail": ONE_RAIL,
    "terms_four": FOUR_TERMS,
    "terms_multiplying": MULTIPLYING["mac_four"],
    **{f"terms_unsigned_{name}": config for name, config in UNSIGNED.items()},
    **{f"terms_registered_{name}": config for name, config in REGISTERED_TERMS.items()},
}

_TAKEN_AFTER = 3
"""Cycles from a tile's last bundle until the drain can take its sums, at the soonest."""

Bundle = dict[str, int]
"""Fields of a bundle."""


@dataclass(frozen=True)
class _Tile:
    """A pass's bundles, and its windows per tile."""

    bundles: list[Bundle]
    windows: int


def _terms(config: AcceleratorConfig, bundle: Bundle) -> dict[int, tuple[int, int, int, int]]:
    """Place -> (ahead, offset, factor, negative) of the terms that a bundle has."""
    return {
        place: (
            bundle[f"ahead{place}"],
            bundle[f"offset{place}"],
            bundle.get(f"factor{place}", 0),
            bundle[f"negative{place}"],
        )
        for place in range(config.terms)
        if bundle[f"offset{place}"] != NO_TERM
    }


def _reach(config: AcceleratorConfig, bundle: Bundle) -> int:
    """How far a bundle's farthest window is from its first."""
    return max((term[0] for term in _terms(config, bundle).values()), default=0)


def _tile(config: AcceleratorConfig) -> _Tile:
    """A random tile; some of its bundles only advance, and only some use all that is buffered."""
    # So many windows come even if a whole group of them has no room.
    room = config.window_slots - config.banks + 1
    farthest = (1 << ahead_bits(config)) - 1
    count = random.randint(1, 12)
    bundles, reached, needed = [], 0, 1
    for index in range(count):
        advance = random.choice((0, 0, 1, random.randrange(room)))
        bundle = {"advance": advance, "last": int(index == count - 1)}
        for place in range(config.terms):
            used = random.random() < 0.7
            bundle[f"offset{place}"] = random.randrange(3) if used else NO_TERM
            # What stands in the place of no term is not to be waited for.
            most = min(farthest, room - 1 - advance) if used else farthest
            bundle[f"ahead{place}"] = random.randint(0, most)
            bundle[f"negative{place}"] = random.getrandbits(1)
            if config.factor_bits:
                bundle[f"factor{place}"] = random.getrandbits(config.factor_bits)
        reached += advance
        needed = max(needed, reached + _reach(config, bundle) + 1)
        bundles.append(bundle)
    fewest = -(-needed // config.banks)
    most = (reached + config.window_slots) // config.banks
    groups = random.choice((fewest, most, random.randint(fewest, most)))
    return _Tile(bundles, groups * config.banks)


class _Bench:
    """The stream beside a model of what it should do, and of who surrounds it."""

    def __init__(self, dut: Any, name: str, delay: float) -> None:
        self.ports: Ports = unit_ports(dut, name)
        self.config = _STREAMS[name]
        self._delay = self.drain_delay = delay
        self._coming: list[Bundle] = []
        self._tile_windows = 0
        # Cycles until the first bundle of a pass is where it is issued from.
        self._early = 0
        self._enabled = self._fresh = self._stepped = False
        self._position = self._tile_begin = 0
        # What `o` is to be in the next cycle, and with how many windows reached.
        self._control: tuple[Bundle, int, bool] | None = None
        self._sums_age: int | None = None
        # Windows: that the reader took, that are buffered, that the inference has so far, and that
        # other cores have left.
        self._accepted = self._filled = self._total = self._others = 0
        self.waits: set[str] = set()
        self.lead = 0

    async def store(self, address: int, tiles: Sequence[_Tile]) -> None:
        """Write the bundles of passes to the memory, from the bundle ``address`` on."""
        address *= bundle_words(self.config)
        for tile in tiles:
            for bundle in tile.bundles:
                for word in pack_words(bundle_fields(self.config), bundle):
                    self.ports.drive(write=1, write_address=address, word=word)
                    await self.ports.tick()
                    address += 1
        self.ports.drive(write=0)

    async def jump(self, target: int) -> None:
        """Begin an inference from there on, with an empty buffer."""
        while self._filled < self._total:
            await self.cycle()
        await self.cycle(jump=1, target=target)
        await self.cycle(flush=1)
        self._accepted = self._filled = self._total = self._others = 0
        self._enabled = False

    async def run(self, tile: _Tile, tiles: int, *, enable: bool) -> None:
        """Run a pass, in which the core takes part or only others do."""
        begin = self._total
        self._total += tiles * tile.windows
        while random.random() < self._delay:
            await self.cycle()
        start = {"start": 1, "enable": int(enable), "base": begin}
        await self.cycle(**start, tiles=tiles, windows=tile.windows)
        self._enabled = enable
        if enable:
            self._coming = tile.bundles * tiles
            self._early = self.config.register_stages
            self._tile_windows = tile.windows
            self._fresh = True
            self._position = self._tile_begin = begin
        for _ in range(3000):
            if not self._coming and self._others == self._total:
                break
            # Where the core takes no part, or is through, others make room.
            if not (enable and self._coming) and random.random() >= self._delay:
                ahead = self._filled + self.config.window_slots - self.config.banks
                self._others = min(self._others + random.randint(1, 3), ahead, self._total)
            await self.cycle()
        else:
            raise AssertionError(f"{len(self._coming)} bundles left, and none is issued")

    async def cycle(self, **inputs: int) -> None:
        """Drive, compare every output with the model, and go on to the next cycle."""
        ports, slots = self.ports, self.config.window_slots
        taken = (self._sums_age or 0) >= _TAKEN_AFTER and random.random() >= self.drain_delay
        ports.drive(**{"start": 0, "enable": 0, "jump": 0, "target": 0, "flush": 0} | inputs)
        ports.drive(accepted=self._accepted, filled=self._filled, taken=int(taken))
        await ports.settle()
        self._compare(ports.record("o"))
        assert ports.read("done") == (not self._coming)
        full = self._enabled and self._accepted + self.config.banks > self._position + slots
        assert ports.read("blocking") == full, f"{self._accepted} taken, {self._position} left"
        self._issue()
        if self._sums_age is not None:
            self._sums_age += 1
        if taken:
            self._sums_age = None
        self._read()
        await ports.tick()

    def _compare(self, control: Any) -> None:
        if self._control is None:
            assert not control.enable and not control.clear and not control.last
            assert not any(term.active for term in control.terms)
            return
        bundle, reached, fresh = self._control
        terms = _terms(self.config, bundle)
        # An unsigned accumulator may have to turn at the end.
        ends = bool(bundle["last"]) and self.config.unsigned
        assert control.enable == (fresh or bool(terms) or ends)
        assert control.clear == fresh and control.last == bundle["last"]
        for place, found in enumerate(control.terms):
            assert found.active == (place in terms)
            if place in terms:
                ahead, *fields = terms[place]
                assert found.slot == (reached + ahead) % self.config.window_slots
                assert [found.offset, found.factor, found.negative] == fields

    def _issue(self) -> None:
        """Issue the next bundle if nothing keeps it."""
        self._control = None
        if not self._coming:
            return
        if self._early:
            self._early -= 1
            return
        bundle = self._coming[0]
        reached = self._position + (0 if self._stepped else bundle["advance"])
        self.lead = max(self.lead, self._position - self._filled)
        if reached + _reach(self.config, bundle) >= self._filled:
            self.waits.add("window" if self._position <= self._filled else "reader behind")
        elif bundle["last"] and self._sums_age is not None:
            self.waits.add("sums")
        else:
            self._control = bundle, reached, self._fresh
            self._coming.pop(0)
            self._fresh = bool(bundle["last"])
        issued = self._control is not None
        if issued or self._position <= self._filled:
            # A bundle lets go of the windows before its own even while it waits.
            self._position, self._stepped = reached, not issued
        if issued and bundle["last"]:
            self._tile_begin += self._tile_windows
            self._position = self._tile_begin
            self._sums_age = 0

    def _read(self) -> None:
        """The reader takes and delivers groups of windows, never over those still needed."""
        banks = self.config.banks
        needed = self._position if self._enabled and self._coming else self._others
        room = self._accepted + banks <= min(needed + self.config.window_slots, self._total)
        if self._filled < self._accepted and random.random() >= self._delay:
            self._filled += banks
        if room and random.random() >= self._delay:
            self._accepted += banks


@bench_test
@cocotb.parametrize(name=list(_STREAMS), delay=[0.0, 0.5, 0.9])
async def inferences(dut: Any, name: str, delay: float) -> None:
    """Passes, some without the core, of several tiles, from two places of the memory."""
    config = _STREAMS[name]
    bench = _Bench(dut, name, delay)
    await bench.ports.begin()
    places = []
    for at_end in (False, True):
        tiles = [_tile(config) for _ in range(4)]
        count = sum(len(tile.bundles) for tile in tiles)
        places.append((config.term_words - count if at_end else 0, tiles))
        await bench.store(*places[-1])
    for inference in range(8):
        # By turns the windows are what there is to wait for, and the drain.
        bench.drain_delay = delay if inference % 2 else 0.95
        address, tiles = random.choice(places)
        await bench.jump(address)
        for tile in tiles:
            while random.random() < 0.3:
                await bench.run(_tile(config), random.randint(1, 3), enable=False)
            await bench.run(tile, random.randint(1, 3), enable=True)
    assert "window" in bench.waits


def _single(config: AcceleratorConfig, windows: int) -> _Tile:
    """A tile that leaves its windows with one bundle, which has no term."""
    nothing = {f"offset{place}": NO_TERM for place in range(config.terms)}
    bundle = {field: nothing.get(field, 0) for field in bundle_fields(config)} | {"last": 1}
    return _Tile([bundle], windows)


@bench_test
@cocotb.parametrize(name=list(_STREAMS))
async def runs_ahead(dut: Any, name: str) -> None:
    """Tiles of as many windows as are buffered: as far ahead of the reader as can be."""
    bench = _Bench(dut, name, 0.8)
    slots, banks = bench.config.window_slots, bench.config.banks
    await bench.ports.begin()
    tile = _single(bench.config, slots)
    await bench.store(0, [tile])
    await bench.jump(0)
    await bench.run(tile, 20, enable=True)
    assert bench.lead == slots - banks and "reader behind" in bench.waits


@bench_test
@cocotb.parametrize(name=list(_STREAMS))
async def slow_drain(dut: Any, name: str) -> None:
    """Short tiles, whose windows are there long before the sums before them are taken."""
    bench = _Bench(dut, name, 0.0)
    bench.drain_delay = 0.9
    await bench.ports.begin()
    tile = _single(bench.config, bench.config.banks)
    await bench.store(0, [tile])
    await bench.jump(0)
    await bench.run(tile, 20, enable=True)
    assert "sums" in bench.waits
