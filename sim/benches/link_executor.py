"""The executor: operations in order, whatever waits."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import cocotb

from pann_hw.link.payload import beat_bytes
from pann_hw.link.protocol import Operation
from pann_hw.registers.map import Register, Status
from sim.benches.link_units import BEATS, link_ports
from sim.benches.ports import Ports, bench_test
from sim.benches.streams import PAUSES, never, put

__all__ = ["in_order", "waits"]

Event = tuple[str, int, int]
"""A write of a register, a word of a program, a beat of an input with its last flag."""


def _write(register: int, value: int, *, waiting: bool = False) -> tuple[bytes, list[Event]]:
    """A write, and what comes of it: nothing for registers that the accelerator has not."""
    first = Operation.WRITE | (Operation.WHEN_READY if waiting else 0) | register
    return bytes((first, value)), [("write", register, value)] if register < 8 else []


def _program(count: int) -> tuple[bytes, list[Event]]:
    words = [random.getrandbits(32) for _ in range(count)]
    values = b"".join(word.to_bytes(4, "little") for word in words)
    return bytes((Operation.PROGRAM, count - 1)) + values, [("word", word, 0) for word in words]


def _input(name: str, count: int, *, last: bool) -> tuple[bytes, list[Event]]:
    config = BEATS[name]
    bits, width = config.operand_width * config.input_elements, beat_bytes(config)
    beats = [random.getrandbits(8 * width) for _ in range(count)]
    values = b"".join(beat.to_bytes(width, "little") for beat in beats)
    first = Operation.INPUT | (Operation.LAST if last else 0)
    events = [
        ("beat", beat % (1 << bits), int(last and index == count - 1))
        for index, beat in enumerate(beats)
    ]
    return bytes((first, count - 1)) + values, events


def _operations(name: str) -> tuple[bytes, list[Event]]:
    """Operations of all kinds, and what comes of them."""
    whole = b""
    events: list[Event] = []
    kinds = [
        lambda: _write(random.randrange(16), random.getrandbits(8)),
        lambda: _write(random.randrange(8), random.getrandbits(8), waiting=True),
        lambda: _program(random.choice((1, 2, 5))),
        lambda: _input(name, random.choice((1, 2, 3, 9)), last=random.random() < 0.5),
    ]
    for _ in range(40):
        values, more = random.choice(kinds)()
        whole, events = whole + values, events + more
    for values, more in (_program(256), _input(name, 256, last=True)):
        whole, events = whole + values, events + more
    return whole, events


async def _watch(
    ports: Ports, events: list[Event], pauses: Iterator[bool], *, always_ready: bool = True
) -> None:
    """Accept what comes, with the register port granted and the accelerator ready now and then."""
    while True:
        ready = always_ready or random.random() < 0.3
        ports.drive(
            program__ready=int(not next(pauses)),
            input__ready=int(not next(pauses)),
            granted=int(not next(pauses)),
            # Only the register that is asked for shows whether the accelerator is ready.
            status=random.getrandbits(5) & ~Status.READY | (Status.READY if ready else 0),
        )
        await ports.settle()
        read = ports.read
        if read("write"):
            assert read("granted")
            events.append(("write", read("address"), read("value")))
        if read("program__valid") and read("program__ready"):
            events.append(("word", read("program__payload"), 0))
        if read("input__valid") and read("input__ready"):
            beat = ports.record("input__payload")
            events.append(("beat", beat.elements, beat.last))
        await ports.tick()


@bench_test
async def in_order(dut: Any) -> None:
    """All operations, for beats of every size, at full speed and held up at random."""
    clock = link_ports(dut, "checksum")
    await clock.begin()
    for name in BEATS:
        for pauses in ("never", "half"):
            ports = link_ports(dut, f"executor_{name}")
            ports.drive(i__valid=0, i__payload=0)
            values, expected = _operations(name)
            events: list[Event] = []
            watching = cocotb.start_soon(
                _watch(ports, events, PAUSES[pauses](), always_ready=pauses == "never")
            )
            await put(ports, "i", values, PAUSES[pauses]())
            await clock.tick(3)
            watching.cancel()
            assert events == expected


@bench_test
async def waits(dut: Any) -> None:
    """A write that waits asks for STATUS until the accelerator is ready; others do not wait."""
    ports = link_ports(dut, "executor_byte")
    await ports.begin()
    ports.drive(granted=1)
    producer = cocotb.start_soon(
        put(ports, "i", _write(Register.POINT, 3)[0] + _write(0, 1, waiting=True)[0], never())
    )
    written = []
    for cycle in range(60):
        ports.drive(status=Status.READY * (cycle >= 40))
        await ports.settle()
        if ports.read("write"):
            written.append((cycle, ports.read("address"), ports.read("value")))
        elif 10 < cycle < 40:
            assert ports.read("address") == Register.STATUS
        await ports.tick()
    await producer
    assert [one[1:] for one in written] == [(Register.POINT, 3), (Register.CONTROL, 1)]
    assert written[0][0] < 10 and written[1][0] == 41
