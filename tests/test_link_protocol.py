"""Frames: against published values, and there and back through any cuts."""

from __future__ import annotations

import numpy as np
import pytest

from pann_hw.link.protocol import (
    ESCAPE,
    FLAG,
    VERSION,
    Deframer,
    Report,
    framed,
    request,
    sequence_add,
)


def test_checksum_is_the_published_one() -> None:
    # The check value of CRC-32/ISO-HDLC.
    assert framed(b"123456789") == b"123456789" + 0xCBF43926.to_bytes(4, "little") + b"\x7e"


def test_escapes_are_those_of_rfc_1662() -> None:
    frame = framed(bytes((0x7D, 0x7E, 0x20)))
    assert frame[:5] == bytes((0x7D, 0x5D, 0x7D, 0x5E, 0x20))
    assert frame.count(FLAG) == 1 and frame[-1] == FLAG


def test_frames_survive_any_cuts(rng: np.random.Generator) -> None:
    bodies = [
        rng.choice([FLAG, ESCAPE, 0, 0x5E, 7], size).astype(np.uint8).tobytes()
        for size in rng.integers(0, 60, 200)
    ]
    line = b"".join(map(framed, bodies))
    deframer = Deframer()
    found = []
    while line:
        count = int(rng.integers(1, 40))
        found += list(deframer.feed(line[:count]))
        line = line[count:]
    assert found == bodies
    assert deframer.discarded == 0


def test_every_flipped_bit_is_found() -> None:
    good = framed(request(3, 4, 5, bytes((1, FLAG, 2))))
    for bit in range(8 * (len(good) - 1)):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        deframer = Deframer()
        assert list(deframer.feed(bytes(bad))) == []
        assert deframer.discarded >= 1
        assert list(deframer.feed(good)) == [request(3, 4, 5, bytes((1, FLAG, 2)))]


@pytest.mark.parametrize("noise", [b"", b"\x7e", b"\x7e\x7e\x7e"])
def test_flags_in_a_row_are_no_frames(noise: bytes) -> None:
    deframer = Deframer()
    assert list(deframer.feed(noise + framed(b"body") + noise)) == [b"body"]
    assert deframer.discarded == 0


def test_request_has_its_fields() -> None:
    restart = request(15, 30, 1301, again=True, restart=True)
    assert restart == bytes((VERSION << 5 | 0x1F, 0x80 | 0x20 | 30, 277 >> 1))
    assert request(1, 3, 0, b"ab") == bytes((VERSION << 5 | 1, 0x43, 0)) + b"ab"


def test_report_has_its_fields() -> None:
    body = bytes((2 << 5 | 0x10 | 9, 0xE5, 0xDF, 1, 2, 3, 4, 7, 250)) + b"results"
    assert Report.parse(body) == Report(
        2, True, True, 5, 9, 0x04030201, 31, True, 7, 501, b"results"
    )
    assert Report.parse(bytes(9)) == Report(0, False, False, 0, 0, 0, 0, False, 256, 0, b"")
    assert Report.parse(bytes(8)) is None


def test_sequence_numbers_go_round() -> None:
    assert [sequence_add(30, count) for count in range(3)] == [30, 31, 0]
