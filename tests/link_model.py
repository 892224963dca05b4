"""A board as the protocol describes it, written down plainly, behind a line with faults."""

from __future__ import annotations

import random
import time
from collections import deque
from dataclasses import dataclass, field

from pann_hw.link.protocol import (
    CLOCK_BITS,
    CRC_BYTES,
    LINK_REGISTER,
    RESULT_BYTES,
    VERSION,
    VERSION_BITS,
    Deframer,
    framed,
)

__all__ = ["BoardModel", "Faults", "ModelPort"]

_CLOCK = 12_000_000


@dataclass
class BoardModel:
    """A board that does nothing with operations but keep them, and has results to give.

    Attributes
    ----------
    done : operations, once they have been taken out of the ring
    results : bytes that are still to come out of the accelerator
    frames : right ones that have come
    """

    ring: int = 512
    version: int = VERSION
    done: bytearray = field(default_factory=bytearray)
    results: bytearray = field(default_factory=bytearray)
    registers: dict[int, int] = field(default_factory=dict)
    frames: int = 0

    def __post_init__(self) -> None:
        self._deframer = Deframer()
        self._request = bytes(3)
        self._forget()

    def _forget(self) -> None:
        self.done.clear()
        self._waiting = bytearray()
        self._kept = bytearray()
        self._acknowledged = self._following = self._sent = 0

    def work(self, count: int) -> None:
        """Take so many bytes of operations out of the ring."""
        self.done += self._waiting[:count]
        del self._waiting[:count]

    def answer(self, received: bytes) -> bytes:
        """The reports to what has come over the line."""
        before = self._deframer.discarded
        sent = b""
        for body in self._deframer.feed(received):
            right = len(body) >= 3 and body[0] >> 8 - VERSION_BITS == self.version
            if right:
                self.frames += 1
                self._take(body)
            sent += self._report(wrong=not right)
        if self._deframer.discarded > before:
            sent += self._report(wrong=True)
        return sent

    def _take(self, body: bytes) -> None:
        self._request, data = body[:3], body[3:]
        if body[0] & 0x10:
            self._forget()
            return
        position = body[2] << 1 | body[1] >> 7
        moved = (position - self._acknowledged) % RESULT_BYTES
        del self._kept[:moved]
        self._acknowledged = position
        self._sent = 0 if body[1] & 0x20 else max(self._sent - moved, 0)
        room = self.ring - len(self._waiting)
        if data and body[1] % 32 == self._following and len(data) + CRC_BYTES <= room:
            self._waiting += data
            self._following = (self._following + 1) % 32

    def _report(self, *, wrong: bool) -> bytes:
        more = RESULT_BYTES - 1 - len(self._kept)
        self._kept += self.results[:more]
        del self.results[:more]
        register = self._request[0] % 16
        link = self.ring.bit_length() - 1 << CLOCK_BITS | _CLOCK // 1000
        value = link if register == LINK_REGISTER else self.registers.get(register, 0)
        head = self.version << 8 - VERSION_BITS | self._request[0] % 32
        room = (self.ring - len(self._waiting)) * 256 // self.ring % 256
        position = (self._acknowledged + self._sent) % RESULT_BYTES
        results = bytes(self._kept[self._sent :])
        self._sent = len(self._kept)
        return framed(
            bytes((head, self._request[1], self._following | wrong << 6 | position % 2 << 7))
            + value.to_bytes(4, "little")
            + bytes((room, position >> 1))
            + results
        )


@dataclass
class Faults:
    """What a line does to bytes, each with a probability per byte."""

    flip: float = 0.0
    lose: float = 0.0
    insert: float = 0.0

    def apply(self, sent: bytes, rng: random.Random) -> bytes:
        """What arrives."""
        arrived = bytearray()
        for value in sent:
            if rng.random() < self.insert:
                arrived += rng.randbytes(rng.choice((1, 3, 700)))
            if rng.random() >= self.lose:
                arrived.append(value ^ (1 << rng.randrange(8) if rng.random() < self.flip else 0))
        return bytes(arrived)


class ModelPort:
    """A port, as :class:`pann_hw.link.port.SerialPort`, with a model behind it."""

    path = "model"

    def __init__(self, board: BoardModel, faults: Faults | None = None, seed: int = 0) -> None:
        self.board = board
        self.faults = faults or Faults()
        self.silent = False
        self._rng = random.Random(seed)
        self._arrived: deque[bytes] = deque()

    def write(self, sent: bytes) -> None:
        """Have the board answer, which works meanwhile."""
        answer = self.board.answer(self.faults.apply(sent, self._rng))
        self.board.work(self._rng.choice((0, 10, 100, 1000)))
        if not self.silent:
            self._arrived.append(self.faults.apply(answer, self._rng))

    def read(self, seconds: float) -> bytes:
        """A part of what has arrived."""
        if self._arrived:
            whole = self._arrived.popleft()
            part = self._rng.randrange(len(whole) + 1) if self._rng.random() < 0.3 else len(whole)
            if whole[part:]:
                self._arrived.appendleft(whole[part:])
            return whole[:part]
        time.sleep(max(0.0, seconds))
        return b""

    def drop(self) -> None:
        """Forget what has arrived."""
        self._arrived.clear()

    def close(self) -> None:
        """Nothing to give back."""
