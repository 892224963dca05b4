"""The checksum against zlib: out of the register, and found right or wrong."""

from __future__ import annotations

import random
import zlib
from typing import Any

from sim.benches.link_units import link_ports
from sim.benches.ports import Ports, bench_test

__all__ = ["checks", "emits"]

_CYCLES = 9


async def _add(ports: Ports, values: bytes | bytearray) -> None:
    ports.drive(start=1)
    await ports.tick()
    ports.drive(start=0)
    for value in values:
        ports.drive(valid=1, data=value)
        await ports.tick()
        ports.drive(valid=0, data=random.getrandbits(8))
        await ports.tick(_CYCLES - 1)


@bench_test
async def emits(dut: Any) -> None:
    """What is shifted out is the CRC, the lowest byte first."""
    ports = link_ports(dut, "checksum")
    await ports.begin()
    for length in (0, 1, 2, 3, 7, 30):
        values = random.randbytes(length)
        await _add(ports, values)
        found = []
        for _ in range(4):
            found.append(ports.read("crc"))
            ports.drive(shift=1)
            await ports.tick()
            ports.drive(shift=0)
            await ports.tick(_CYCLES - 1)
        assert bytes(found) == zlib.crc32(values).to_bytes(4, "little")


@bench_test
async def checks(dut: Any) -> None:
    """A right CRC behind the bytes matches; with any bit flipped it does not."""
    ports = link_ports(dut, "checksum")
    await ports.begin()
    for length in (0, 1, 5):
        values = random.randbytes(length)
        whole = bytearray(values + zlib.crc32(values).to_bytes(4, "little"))
        await _add(ports, whole)
        assert ports.read("match")
        for bit in range(8 * len(whole)):
            whole[bit // 8] ^= 1 << bit % 8
            await _add(ports, whole)
            assert not ports.read("match"), f"bit {bit} is flipped"
            whole[bit // 8] ^= 1 << bit % 8
