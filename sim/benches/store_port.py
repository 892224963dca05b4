"""The write port against memory words that are made one by one."""

from __future__ import annotations

import random
from typing import Any

import cocotb
import numpy as np

from pann_hw.config import AcceleratorConfig
from sim.benches.ports import Ports, bench_test
from sim.benches.units import (
    BEATS,
    CONFIG,
    MANY_LANES,
    PARTS,
    PARTS_OF_BEATS,
    TWO_WORDS,
    unit_ports,
)

__all__ = ["stores"]

_PORTS = {
    "store_port": CONFIG,
    "store_port_many_lanes": MANY_LANES,
    "store_port_parts": PARTS,
    "store_port_two_words": TWO_WORDS,
    "store_port_beats": BEATS,
    "store_port_parts_of_beats": PARTS_OF_BEATS,
}


class _Bench:
    """The port with what its registers must hold."""

    def __init__(self, dut: Any, unit: str) -> None:
        self.config: AcceleratorConfig = _PORTS[unit]
        self.ports: Ports = unit_ports(dut, unit)
        self.words = np.zeros((self.config.banks, self.config.lanes), np.int64)
        self.address = self.enable = 0
        self.lanes = np.zeros(self.config.lanes, bool)

    def idle(self) -> None:
        self.ports.drive(take=0, drained=0, pooled_write=0)
        self.enable = 0

    def element(self) -> None:
        """An element or a beat of the input, whatever else is there."""
        config = self.config
        bank, lane = random.randrange(config.banks), random.randrange(config.lanes)
        size, whole = config.input_elements, config.input_elements > 1 and random.randrange(2)
        elements = [random.randrange(256)] * size
        if whole:
            lane -= lane % size
            elements = [random.randrange(256) for _ in range(size)]
        self.address = random.randrange(1 << 16)
        self.ports.drive(
            take=1, bank=bank, lane=lane, whole_beat=int(whole), place=self.address,
            elements=int.from_bytes(bytes(elements), "little"),
        )  # fmt: skip
        taken = slice(lane, lane + size if whole else lane + 1)
        self.words[bank, taken] = elements if whole else elements[0]
        self.enable = 1 << bank
        self.lanes = np.zeros(config.lanes, bool)
        self.lanes[taken] = True

    def drained(self) -> None:
        """Words of some of the banks, whole or in part."""
        config = self.config
        self.enable = random.randrange(1, 1 << config.banks)
        self.address = random.randrange(1 << 16)
        part = random.randrange(config.parts)
        phase, upper, halve, bits = self._half()
        words = np.random.default_rng(random.getrandbits(32)).integers(
            0, 256, (config.requantisers, config.part_lanes)
        )
        store = {
            "write": 1, "banks": self.enable, "address": self.address, "part": part,
            "phase": phase, "upper": upper,
        }  # fmt: skip
        self.ports.drive(drained=store, words=words.tolist(), halve=halve, columns_bits=bits)
        lanes = slice(part * config.part_lanes, (part + 1) * config.part_lanes)
        for bank in range(config.banks):
            if self.enable >> bank & 1:
                word = self.words[bank].copy()
                word[lanes] = words[bank % config.requantisers]
                self.words[bank] = self._taken(word, phase, bits) if halve else word
        self.lanes = np.arange(config.lanes) // config.part_lanes == part
        if halve:
            self.lanes = self._written(upper, bits)

    def pooled(self) -> None:
        """A word for each bank."""
        config = self.config
        self.enable, self.address = (1 << config.banks) - 1, random.randrange(1 << 16)
        phase, upper, halve, bits = self._half()
        words = np.random.default_rng(random.getrandbits(32)).integers(0, 256, self.words.shape)
        self.ports.drive(
            pooled_write=1, pooled=words.tolist(), pooled_address=self.address,
            pooled_phase=phase, pooled_upper=upper, halve=halve, columns_bits=bits,
        )  # fmt: skip
        self.words = words
        self.lanes = np.ones(config.lanes, bool)
        if halve:
            self.words = np.array([self._taken(word, phase, bits) for word in words])
            self.lanes = self._written(upper, bits)

    def _half(self) -> tuple[int, int, int, int]:
        """(phase, upper, halve, columns_bits)."""
        halve = random.randrange(2) if self.config.halves else 0
        bits = random.randrange(1, self.config.lanes.bit_length())
        return random.randrange(2), random.randrange(2), halve, bits

    def _taken(self, word: np.ndarray, phase: int, bits: int) -> np.ndarray:
        """Of each group, the elements of one parity, twice."""
        groups = word.reshape(-1, 1 << bits)[:, phase::2]
        return np.concatenate([groups, groups], 1).ravel()

    def _written(self, upper: int, bits: int) -> np.ndarray:
        """Half of each group's lanes."""
        lane = np.arange(self.config.lanes)
        written: np.ndarray = lane % (1 << bits) // (1 << bits - 1) == upper
        return written

    async def compare(self) -> None:
        await self.ports.settle()
        assert self.ports.read("enable") == self.enable
        if self.enable:
            assert self.ports.read("address") == self.address
            lanes = self.ports.read("lanes")
            assert [lanes >> lane & 1 for lane in range(self.config.lanes)] == self.lanes.tolist()
        assert [list(word) for word in self.ports.record("data")] == self.words.tolist()


@bench_test
@cocotb.parametrize(unit=list(_PORTS))
async def stores(dut: Any, unit: str) -> None:
    """Elements, drained and pooled words in any order: each lane's value, where it goes."""
    bench = _Bench(dut, unit)
    await bench.ports.begin()
    for _ in range(600):
        bench.idle()
        random.choice((bench.idle, bench.element, bench.drained, bench.pooled))()
        await bench.ports.tick()
        await bench.compare()
        await bench.ports.tick()
