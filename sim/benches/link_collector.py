"""The collector: sums and cycles as bytes, acknowledged sooner or later."""

from __future__ import annotations

import random
from typing import Any

import cocotb

from pann_hw.link.protocol import RESULT_BYTES
from sim.benches.link_units import SUMS, link_ports
from sim.benches.ports import Ports, bench_test
from sim.benches.streams import PAUSES, put

__all__ = ["held_up", "results"]


def _inference(width: int, outputs: int) -> tuple[list[int], bytes]:
    """Payloads of an inference's sums, and their bytes."""
    size = -(-width // 8)
    edges = (0, -1, (1 << width - 1) - 1, -(1 << width - 1))
    sums = [random.choice((*edges, random.getrandbits(width - 1))) for _ in range(outputs)]
    payloads = [value % (1 << width) for value in sums]
    payloads[-1] |= 1 << width
    return payloads, b"".join(value.to_bytes(size, "little", signed=True) for value in sums)


async def _serve(ports: Ports, cycles: list[int]) -> None:
    """Show bytes of the register CYCLES, of one inference after another, granted now and then."""
    number = 0
    while True:
        granted = int(random.random() < 0.4)
        value = cycles[min(number, len(cycles) - 1)]
        place = ports.read("place")
        ports.drive(granted=granted, cycles=value >> 8 * place & 255)
        await ports.settle()
        wanted, before = ports.read("wanted"), ports.read("end")
        await ports.tick()
        if wanted and granted and place == 3 and ports.read("end") != before:
            number += 1


async def _read(ports: Ports, count: int, slow: bool) -> bytes:
    """Read so many bytes, acknowledging them in portions."""
    taken = bytearray()
    while len(taken) < count:
        end = ports.read("end")
        there = (end - len(taken)) % RESULT_BYTES
        portion = random.randint(0, there) if slow else there
        for _ in range(portion):
            ports.drive(position=len(taken) % RESULT_BYTES)
            await ports.tick()
            taken.append(ports.read("byte"))
        ports.drive(acknowledged=len(taken) % RESULT_BYTES)
        await ports.tick(random.choice((1, 20, 60)) if slow else 1)
    return bytes(taken)


@bench_test
async def results(dut: Any) -> None:
    """Inferences with few sums and many, for sums of every size."""
    clock = link_ports(dut, "checksum")
    await clock.begin()
    for width in SUMS:
        for slow in (False, True):
            clock.drive(start=0)
            ports = link_ports(dut, f"collector_{width}")
            dut.rst.value = 1
            ports.drive(i__valid=0, i__payload=0, granted=0, cycles=0, acknowledged=0, position=0)
            await clock.tick(2)
            dut.rst.value = 0
            payloads, expected, cycles = [], b"", []
            for outputs in (1, 10, 100, 3):
                more, values = _inference(width, outputs)
                cycles.append(random.getrandbits(32))
                payloads += more
                expected += values + cycles[-1].to_bytes(4, "little")
            serving = cocotb.start_soon(_serve(ports, cycles))
            producer = cocotb.start_soon(put(ports, "i", payloads, PAUSES["bursts"]()))
            assert await _read(ports, len(expected), slow) == expected
            await producer
            serving.cancel()


@bench_test
async def held_up(dut: Any) -> None:
    """A ring that nobody reads takes no more than it holds; nothing is lost."""
    ports = link_ports(dut, "collector_24")
    await ports.begin()
    payloads, expected = _inference(24, 220)
    cocotb.start_soon(_serve(ports, [0x04030201]))
    producer = cocotb.start_soon(put(ports, "i", payloads))
    await ports.tick(1000)
    assert ports.read("end") == RESULT_BYTES - 1
    assert await _read(ports, len(expected) + 4, slow=False) == expected + bytes((1, 2, 3, 4))
    await producer
