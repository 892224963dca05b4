"""The weight memory against columns written word by word."""

from __future__ import annotations

import random
from typing import Any

import cocotb

from sim.benches.ports import bench_test
from sim.benches.units import LINEAR, unit_ports

__all__ = ["columns"]


@bench_test
@cocotb.parametrize(name=list(LINEAR))
async def columns(dut: Any, name: str) -> None:
    """All columns written, read in any order, and some of their words written again meanwhile."""
    config = LINEAR[name]
    ports = unit_ports(dut, f"weight_memory_{name}")
    await ports.begin()
    words = [random.getrandbits(32) for _ in range(config.weight_words * config.column_words)]
    for address, word in enumerate(words):
        ports.drive(write=1, write_address=address, word=word)
        await ports.tick()
    mask = (1 << config.lanes * config.weight_width) - 1

    def column(address: int) -> int:
        """The lowest bits of a column's words."""
        first = address * config.column_words
        parts = words[first : first + config.column_words]
        return sum(part << 32 * index for index, part in enumerate(parts)) & mask

    expected = None
    for _ in range(600):
        read, address = int(random.random() < 0.7), random.randrange(config.weight_words)
        target = random.randrange(len(words))
        # What is read in the cycle of its writing is not used.
        write = int(random.random() < 0.3 and target // config.column_words != address)
        word = random.getrandbits(32)
        ports.drive(read=read, address=address, write=write, write_address=target, word=word)
        await ports.tick()
        if write:
            words[target] = word
        if read:
            expected = column(address)
        if expected is not None:
            found = ports.record("column").as_bits()
            assert found == expected, f"column {address}"
    for lane in range(config.lanes):
        weight = ports.record("column")[lane]
        bits = expected or 0
        field = bits >> lane * config.weight_width & (1 << config.weight_width) - 1
        assert weight.magnitude == field & config.largest_weight
        assert weight.negative == field >> config.weight_width - 1
