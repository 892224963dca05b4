"""Frames of the host link, as both sides make and read them; docs/link.md has the whole of it.

A frame is what lies between two flags, escaped as HDLC-like framing does (RFC 1662): a body and its
CRC-32 (ISO-HDLC), the lowest byte first.
"""

from __future__ import annotations

import enum
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = [
    "CLOCK_BITS",
    "CRC_BYTES",
    "ESCAPE",
    "FLAG",
    "FLIP",
    "HEADER_BYTES",
    "LINK_REGISTER",
    "OPERATION_COUNT",
    "POSITION_BITS",
    "RESULT_BYTES",
    "SEQUENCE_BITS",
    "VERSION",
    "VERSION_BITS",
    "Deframer",
    "Operation",
    "Report",
    "framed",
    "request",
    "sequence_add",
]

VERSION = 1
"""Of the link, in every frame of either side; a board discards frames of another."""

VERSION_BITS = 3
SEQUENCE_BITS = 5

FLAG = 0x7E
"""Ends a frame."""

ESCAPE = 0x7D
"""Stands before a byte that would be a flag or an escape, which then comes with FLIP in it."""

FLIP = 0x20

HEADER_BYTES = 3
"""Of a request, before its data."""

CRC_BYTES = 4

POSITION_BITS = 9
RESULT_BYTES = 1 << POSITION_BITS
"""What the board keeps of results, in a ring of which one place stays free."""

OPERATION_COUNT = 256
"""Most words or beats of an operation."""

LINK_REGISTER = 15
"""The link's own register, above those of the accelerator: the board's clock in kHz, and above it
the logarithm to base 2 of the size of the ring of operations."""

CLOCK_BITS = 24

_REPORT_HEADER = 9
_RESTART = 1 << 4
_AGAIN = 1 << 5
_DATA = 1 << 6
_WRONG = 1 << 6


class Operation(enum.IntFlag):
    """First byte of an operation; a second one follows it.

    WRITE writes the second byte to the register in the lowest four bits, with WHEN_READY as soon as
    the accelerator takes a start. PROGRAM and INPUT are followed by as many 32-bit words of the
    program stream, or beats of the input, as the second byte says, and one more; with LAST the
    last of the beats is an input's last one.
    """

    WRITE = 0x00
    WHEN_READY = 0x10
    PROGRAM = 0x80
    INPUT = 0xC0
    LAST = 0x01


def sequence_add(number: int, count: int) -> int:
    """A sequence number so many frames later."""
    return (number + count) % (1 << SEQUENCE_BITS)


def request(
    register: int,
    number: int,
    position: int,
    data: bytes = b"",
    *,
    again: bool = False,
    restart: bool = False,
) -> bytes:
    """The body of a frame to the board.

    Parameters
    ----------
    register : that the report shall show, 0..15
    number : of the frame, 0..31: with ``data`` its sequence number, else anything
    position : bytes of results that have come, modulo 512
    data : operations, or a part of them
    again : send results from ``position`` on, not from where the last report has ended
    restart : forget all operations and results, and reset the accelerator; together with ``again``
    """
    head = VERSION << 8 - VERSION_BITS | _RESTART * restart | register
    tag = _DATA * bool(data) | _AGAIN * again | number
    upper, lowest = divmod(position % RESULT_BYTES, 2)
    return bytes((head, tag | lowest << 7, upper)) + data


@dataclass(frozen=True)
class Report:
    """What the board answers to every frame.

    Attributes
    ----------
    version : of the board's link
    restart, data, number : of the last right frame: what it was, and its number
    register, value : a register, and the 32 bits that it holds
    following : sequence number of the next frame with data that is taken
    wrong : whether a frame since the last report was none
    room : what is free of the ring of operations, in 256ths of it, rounded down; 1..256
    position : of the first byte of ``results``, modulo 512
    results : bytes of results behind those of the report before, or from where they were wanted
    """

    version: int
    restart: bool
    data: bool
    number: int
    register: int
    value: int
    following: int
    wrong: bool
    room: int
    position: int
    results: bytes

    @classmethod
    def parse(cls, body: bytes) -> Report | None:
        """The report of a frame's body; None where it is none."""
        if len(body) < _REPORT_HEADER:
            return None
        head, tag, following = body[:3]
        return cls(
            head >> 8 - VERSION_BITS,
            bool(head & _RESTART),
            bool(tag & _DATA),
            tag % (1 << SEQUENCE_BITS),
            head & 15,
            int.from_bytes(body[3:7], "little"),
            following % (1 << SEQUENCE_BITS),
            bool(following & _WRONG),
            body[7] or 256,
            body[8] << 1 | following >> 7,
            body[_REPORT_HEADER:],
        )


def framed(body: bytes) -> bytes:
    """A body with its CRC, escaped, and the flag behind it."""
    whole = body + zlib.crc32(body).to_bytes(CRC_BYTES, "little")
    escaped = whole.replace(bytes((ESCAPE,)), bytes((ESCAPE, ESCAPE ^ FLIP)))
    return escaped.replace(bytes((FLAG,)), bytes((ESCAPE, FLAG ^ FLIP))) + bytes((FLAG,))


class Deframer:
    """Bodies of the frames in a sequence of bytes; what is no frame is counted and dropped.

    Attributes
    ----------
    discarded : frames that were none
    """

    def __init__(self) -> None:
        self.discarded = 0
        self._begun = bytearray()

    def feed(self, received: bytes) -> Iterator[bytes]:
        """The bodies that are complete with these bytes."""
        parts = received.split(bytes((FLAG,)))
        for part in parts[:-1]:
            frame, self._begun = bytes(self._begun) + part, bytearray()
            if not frame:
                continue
            whole = _unescaped(frame)
            body = whole[:-CRC_BYTES]
            if whole[-CRC_BYTES:] == zlib.crc32(body).to_bytes(CRC_BYTES, "little"):
                yield body
            else:
                self.discarded += 1
        self._begun += parts[-1]


def _unescaped(frame: bytes) -> bytes:
    first, *others = frame.split(bytes((ESCAPE,)))
    # Two escapes in a row, or one at the end, are an error that the CRC finds.
    return first + b"".join(bytes((part[0] ^ FLIP,)) + part[1:] for part in others if part)
