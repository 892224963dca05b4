"""The frame receiver: right frames, everything that is none, a full ring, a restart."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import cocotb

from pann_hw.link.protocol import (
    CRC_BYTES,
    ESCAPE,
    FLAG,
    VERSION,
    VERSION_BITS,
    framed,
    request,
    sequence_add,
)
from sim.benches.link_units import RING, link_ports
from sim.benches.ports import Ports, bench_test
from sim.benches.streams import PAUSES

__all__ = ["faults", "flipped_bits", "full", "in_order", "restart", "short_frames"]

_GAP = 10
"""Fewest cycles between bytes."""

_SPECIAL = bytes((FLAG, ESCAPE, FLAG ^ 0x20, ESCAPE ^ 0x20))


@dataclass
class _Receiver:
    """The receiver, with what came out of it."""

    ports: Ports
    right: list[tuple[int, int, int, int]] = field(default_factory=list)
    ended: int = 0
    restarts: int = 0
    taken: bytearray = field(default_factory=bytearray)

    async def watch(self, pauses: Iterator[bool]) -> None:
        """Take operations and note pulses; to be run beside the bench."""
        while True:
            self.ports.drive(o__ready=int(not next(pauses)))
            await self.ports.settle()
            self.note()
            await self.ports.tick()

    def note(self) -> None:
        read = self.ports.read
        if read("o__valid") and read("o__ready"):
            self.taken.append(read("o__payload"))
        self.ended += read("ended")
        self.restarts += read("restart")
        if read("right"):
            head = self.ports.record("request")
            self.right.append((head.register, head.data, head.number, head.position))
            assert read("ended")

    async def send(self, values: bytes, broken: int | None = None) -> None:
        """Bytes from the line, one of which may be broken."""
        for index, value in enumerate(values):
            bad = index == broken
            self.ports.drive(byte=value, valid=int(not bad), broken=int(bad))
            await self.ports.tick()
            self.ports.drive(byte=random.getrandbits(8), valid=0, broken=0)
            await self.ports.tick(_GAP - 1 + random.choice((0, 0, 1, 5)))


async def _receiver(dut: Any, pauses: str) -> _Receiver:
    receiver = _Receiver(link_ports(dut, "frames"))
    await receiver.ports.begin()
    cocotb.start_soon(receiver.watch(PAUSES[pauses]()))
    return receiver


def _data(length: int) -> bytes:
    """Data in which what must be escaped is frequent."""
    return bytes(
        random.choice(_SPECIAL) if random.random() < 0.2 else random.getrandbits(8)
        for _ in range(length)
    )


async def _in_order(dut: Any, pauses: str) -> None:
    receiver = await _receiver(dut, pauses)
    expected, heads = b"", []
    number = 0
    # Sequence numbers and the ring go round more than once.
    for length in [1, 2, 90, 0, *(random.choice((0, 1, 3, 17)) for _ in range(140))]:
        data = _data(length)
        register, position = random.randrange(16), random.getrandbits(9)
        free = number if data else random.randrange(32)
        await receiver.send(framed(request(register, free, position, data)))
        heads.append((register, int(bool(data)), free, position))
        expected += data
        number = sequence_add(number, bool(data))
        assert receiver.ports.read("following") == number
    await receiver.ports.tick(200)
    assert receiver.right == heads
    assert receiver.ended == len(heads)
    assert receiver.taken == expected
    assert receiver.ports.read("room") == 0


@bench_test
async def in_order(dut: Any) -> None:
    """Frames with data and without; all data comes out as it was sent."""
    await _in_order(dut, "half")


def _wrong(data: bytes, number: int) -> tuple[bytes, int | None, int]:
    """Bytes that are no frame, which of them is broken, and how many ends of frames they have."""
    good = bytearray(framed(request(3, number, 0, data)))
    kind = random.choice(("flip", "cut", "broken", "version", "noise", "joined"))
    if kind == "cut":
        return bytes(good[: random.randrange(1, len(good) - 1)]) + bytes((FLAG,)), None, 1
    if kind == "broken":
        return bytes(good), random.randrange(len(good) - 1), 1
    if kind == "version":
        other = bytearray(request(3, number, 0, data))
        other[0] ^= random.randrange(1, 1 << VERSION_BITS) << 8 - VERSION_BITS
        assert other[0] >> 8 - VERSION_BITS != VERSION
        return framed(bytes(other)), None, 1
    if kind == "noise":
        noise = bytes(random.choice(range(FLAG)) for _ in range(random.randrange(1, 40)))
        return noise + bytes((FLAG,)), None, 1
    if kind == "joined":
        return bytes(good[:-1] + good), None, 1
    place = random.randrange(len(good) - 1)
    good[place] ^= 1 << random.randrange(8)
    parts = bytes(good).split(bytes((FLAG,)))
    return bytes(good), None, sum(map(bool, parts[:-1]))


@bench_test
async def faults(dut: Any) -> None:
    """Frames damaged in every way, repeated and out of order, among right ones."""
    receiver = await _receiver(dut, "half")
    expected, ends, rights, number = b"", 0, 0, 0
    for _ in range(100):
        data = _data(random.randrange(1, 12))
        chance = random.random()
        if chance < 0.4:
            values, broken, count = _wrong(data, number)
            await receiver.send(values, broken)
            ends += count
        elif chance < 0.6:
            other = sequence_add(number, random.choice((-1, -2, 1, 5, 16)))
            await receiver.send(framed(request(1, other, 0, data)))
            ends, rights = ends + 1, rights + 1
        else:
            flags = bytes((FLAG,)) * random.randrange(3)
            await receiver.send(flags + framed(request(2, number, 0, data)))
            expected, number = expected + data, sequence_add(number, 1)
            ends, rights = ends + 1, rights + 1
        assert receiver.ports.read("following") == number
    await receiver.ports.tick(100)
    assert receiver.taken == expected
    assert (receiver.ended, len(receiver.right)) == (ends, rights)


@bench_test
async def flipped_bits(dut: Any) -> None:
    """Whatever bit of a frame is flipped, nothing of it is taken, and the next frame is."""
    receiver = await _receiver(dut, "never")
    good = framed(request(5, 0, 9, bytes((0x10, FLAG, 0x55))))
    for bit in range(8 * (len(good) - 1)):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        await receiver.send(bytes(bad))
        assert not receiver.right, f"bit {bit} is flipped"
    await receiver.send(good)
    await receiver.ports.tick(5)
    assert receiver.taken == bytes((0x10, FLAG, 0x55))
    # The flag itself is flipped: both frames are lost with it, the third one counts.
    following = framed(request(5, 1, 9, b"ab"))
    await receiver.send(good[:-1] + bytes((FLAG ^ 1,)) + following + following)
    await receiver.ports.tick(5)
    assert receiver.taken[3:] == b"ab"


@bench_test
async def short_frames(dut: Any) -> None:
    """What is too short for a header is none, even where its CRC is right."""
    receiver = await _receiver(dut, "never")
    bodies = [b"", b"\x20", b"\x20\x80"]
    for body in bodies:
        await receiver.send(framed(body))
    assert not receiver.right and receiver.ended == len(bodies)
    await receiver.send(framed(request(0, 0, 0, b"x")))
    await receiver.ports.tick(5)
    assert receiver.taken == b"x" and len(receiver.right) == 1


@bench_test
async def full(dut: Any) -> None:
    """A frame for which there is no room is none; ``room`` says how long one may be."""
    receiver = _Receiver(link_ports(dut, "frames"))
    await receiver.ports.begin()
    expected, number = b"", 0
    for length in (RING - CRC_BYTES + 1, RING + 1, 3 * RING):
        await receiver.send(framed(request(0, number, 0, _data(length))))
        assert receiver.ports.read("following") == 0
    for length in (100, 100, 60, 40, 12, 8, 4, 3, 1, 1):
        room = receiver.ports.read("room") or RING
        assert room == RING - len(expected)
        data = _data(length)
        await receiver.send(framed(request(0, number, 0, data)))
        if length + CRC_BYTES <= room:
            expected, number = expected + data, number + 1
        assert receiver.ports.read("following") == number, (length, room)
    assert len(expected) == RING - CRC_BYTES
    watching = cocotb.start_soon(receiver.watch(PAUSES["half"]()))
    await receiver.ports.tick(3 * RING)
    assert receiver.taken == expected
    watching.cancel()


@bench_test
async def restart(dut: Any) -> None:
    """A restart empties the ring, and numbers begin with 0."""
    receiver = _Receiver(link_ports(dut, "frames"))
    await receiver.ports.begin()
    for number in range(3):
        await receiver.send(framed(request(0, number, 0, b"forgotten")))
    cocotb.start_soon(receiver.watch(PAUSES["never"]()))
    await receiver.ports.tick(2)
    await receiver.send(framed(request(7, 13, 0, restart=True)))
    assert receiver.ports.read("following") == 0 and receiver.restarts == 1
    del receiver.taken[:]
    await receiver.send(framed(request(0, 3, 0, b"old")) + framed(request(0, 0, 0, b"new")))
    await receiver.ports.tick(10)
    assert receiver.taken == b"new"
