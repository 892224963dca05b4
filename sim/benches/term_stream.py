"""The term stream between its memory and a reader of rows: order, waiting, repeats, jumps."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import cocotb

from pann_hw.config import AcceleratorConfig
from pann_hw.program.layout import pack, term_fields
from sim.benches.ports import Ports, bench_test
from sim.benches.units import CONFIG, ONE_RAIL, unit_ports

__all__ = ["full_speed", "passes", "stands_aside"]

Control = tuple[int, int, int, int]
"""(slot, offset, shift, subtract)."""


@dataclass(frozen=True)
class _Term:
    """A term, and the window that it reaches."""

    fields: dict[str, int]
    window: int

    def control(self, config: AcceleratorConfig) -> Control:
        shift, subtract = self.fields.get("shift", 0), self.fields.get("subtract", 0)
        return self.window % config.window_slots, self.fields["offset"], shift, subtract


def _tile_terms(config: AcceleratorConfig) -> list[_Term]:
    """Terms of one tile; some only advance."""
    terms, window = [], 0
    count = random.randint(1, 12)
    for index in range(count):
        advance = random.choice((0, 0, 1, random.randrange(config.window_slots)))
        window += advance
        fields = {
            "last": int(index == count - 1),
            "add": int(random.random() < 0.8),
            "advance": advance,
            "offset": random.randrange(3),
        }
        if config.rails == 1:
            fields["subtract"] = random.getrandbits(1)
        if config.shift:
            fields["shift"] = random.randint(0, config.shift)
        terms.append(_Term(fields, window))
    return terms


class _Bench:
    """The stream with a model of the reader."""

    def __init__(self, dut: Any, name: str, config: AcceleratorConfig) -> None:
        self.ports: Ports = unit_ports(dut, name)
        self.config = config

    async def store(self, address: int, terms: list[_Term]) -> int:
        """Write terms to the memory; the address after them."""
        for term in terms:
            word = pack(term_fields(self.config), term.fields)
            self.ports.drive(write=1, write_address=address, term=word)
            await self.ports.tick()
            address += 1
        self.ports.drive(write=0)
        return address

    async def jump(self, target: int) -> None:
        self.ports.drive(jump=1, target=target)
        await self.ports.tick()
        self.ports.drive(jump=0, target=0)

    async def tile(self, terms: list[_Term], final: bool, delay: float) -> int:
        """Run one tile and compare each term; the cycles from its first possible issue to done."""
        ports, slots = self.ports, self.config.window_slots
        ports.drive(prepare=1, enable=1, run=0, accepted=0, filled=0, final_tile=int(final))
        await ports.tick()
        ports.drive(prepare=0)
        windows = terms[-1].window + 1 + random.randint(0, 2)
        adding = [term for term in terms if term.fields["add"]]
        accepted = filled = before = found = cycles = 0
        done = 0
        while not done or cycles < 3:
            if filled < accepted and random.random() >= delay:
                filled += 1
            run = int(random.random() >= delay)
            ports.drive(accepted=accepted, filled=filled, run=run)
            await ports.settle()
            control = ports.record("o")
            if control.active:
                term = adding[found]
                fields = [control[name] for name in ("slot", "offset", "shift", "subtract")]
                assert tuple(map(int, fields)) == term.control(self.config), f"term {found}"
                assert term.window < before, "issued before its row was there"
                assert accepted <= term.window + slots, "its row is being overwritten"
                found += 1
            before = filled
            done = ports.read("done")
            if not ports.read("blocking") and accepted < windows and random.random() >= delay:
                accepted += 1
            await ports.tick()
            cycles += 1
            assert cycles < 2000, f"{found} of {len(adding)} terms, then none"
        # The last term's control comes together with done.
        assert found == len(adding)
        ports.drive(run=1)
        for _ in range(random.randint(0, 3)):
            await ports.settle()
            assert ports.read("done") and not ports.record("o").active
            await ports.tick()
        return cycles


@bench_test
@cocotb.parametrize(rails=[1, 2], delay=[0.0, 0.5, 0.9])
async def passes(dut: Any, rails: int, delay: float) -> None:
    """Inferences of several passes and tiles from two places of the memory, in any order."""
    config = CONFIG if rails == 2 else ONE_RAIL
    bench = _Bench(dut, "terms" if rails == 2 else "terms_one_rail", config)
    await bench.ports.begin()
    places = []
    address = 0
    for _ in range(2):
        streams = [_tile_terms(config) for _ in range(4)]
        places.append((address, streams))
        for stream in streams:
            address = await bench.store(address, stream)
    for _ in range(8):
        start, streams = random.choice(places)
        await bench.jump(start)
        for stream in streams:
            tiles = random.randint(1, 3)
            for tile in range(tiles):
                await bench.tile(stream, tile == tiles - 1, delay)


@bench_test
async def full_speed(dut: Any) -> None:
    """Terms of one row are issued one per cycle."""
    bench = _Bench(dut, "terms", CONFIG)
    await bench.ports.begin()
    count = 40
    terms = [
        _Term({"last": int(i == count - 1), "add": 1, "advance": 0, "offset": i % 3}, 0)
        for i in range(count)
    ]
    await bench.store(0, terms)
    # Two cycles until the model's first row is there, and one to see done.
    assert await bench.tile(terms, True, 0.0) <= count + 3


@bench_test
async def stands_aside(dut: Any) -> None:
    """A rail that takes no part is done at once, blocks nobody, and keeps its place."""
    bench = _Bench(dut, "terms", CONFIG)
    await bench.ports.begin()
    first, second = _tile_terms(CONFIG), _tile_terms(CONFIG)
    await bench.store(await bench.store(0, first), second)
    await bench.tile(first, True, 0.0)
    slots = CONFIG.window_slots
    bench.ports.drive(prepare=1, enable=0, accepted=slots, filled=slots, final_tile=1, run=1)
    await bench.ports.tick()
    bench.ports.drive(prepare=0)
    for _ in range(8):
        await bench.ports.settle()
        assert bench.ports.read("done") and not bench.ports.read("blocking")
        assert not bench.ports.record("o").active
        await bench.ports.tick()
    await bench.tile(second, True, 0.0)
