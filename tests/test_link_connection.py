"""The connection, on a plain model of the board: once and in order, whatever the line does."""

from __future__ import annotations

import numpy as np
import pytest

from pann_hw.errors import InputError, ToolError
from pann_hw.link.connection import Connection
from pann_hw.link.protocol import VERSION
from tests.link_model import BoardModel, Faults, ModelPort

_REGISTER = 1

FAULTS = {
    "none": Faults(),
    "flips": Faults(flip=1e-3),
    "losses": Faults(lose=1e-3),
    "noise": Faults(insert=1e-3),
    "all": Faults(1e-3, 1e-3, 1e-3),
}


def connect(
    faults: Faults, seed: int = 0, ring: int = 512, *, patience: float = 0.005
) -> tuple[Connection, ModelPort]:
    port = ModelPort(BoardModel(ring), faults, seed)
    connection = Connection(port, patience, attempts=50)  # type: ignore[arg-type]
    connection.restart()
    return connection, port


@pytest.mark.parametrize("ring", [256, 512, 1024])
@pytest.mark.parametrize("name", list(FAULTS))
def test_all_arrives_once_and_in_order(
    name: str, ring: int, rng: np.random.Generator, seed: int
) -> None:
    # Where nothing is lost nothing is waited for, however busy this machine is.
    patience = 60 if name == "none" else 0.005
    connection, port = connect(FAULTS[name], seed, ring, patience=patience)
    data, results = rng.bytes(20_000), rng.bytes(10_000)
    port.board.results += results
    position = 0
    while position < len(data) or not connection.done or len(connection.results) < len(results):
        if connection.waiting < 500:
            size = int(rng.integers(1, 700))
            connection.send(data[position : position + size])
            position += size
        connection.exchange(_REGISTER)
    port.board.work(ring)
    assert port.board.done == data
    assert connection.results == results
    counters = connection.counters
    disturbed = counters.refused + counters.damaged + counters.timeouts
    assert bool(disturbed) == bool(counters.repeated) == (name != "none")
    # Nothing is sent again without need.
    assert counters.repeated <= 4 * disturbed


def test_registers_are_those_asked_for(seed: int) -> None:
    connection, port = connect(FAULTS["all"], seed)
    for value in range(300):
        port.board.registers[value % 13] = value
        assert connection.query(value % 13) == value
    assert connection.clock == 12_000_000


def test_frames_are_as_long_as_two_find_room() -> None:
    for ring in (256, 512, 1024):
        connection, port = connect(FAULTS["none"], ring=ring, patience=60)
        connection.send(bytes(10 * ring))
        while not connection.done:
            connection.exchange(_REGISTER)
            port.board.work(ring)
        frames = connection.counters.frames
        assert connection.frame_bytes * 2 + 8 <= ring
        assert connection.counters.repeated == 0
        # Besides the frames with data there are some that only ask.
        assert frames < 3 * 10 * ring / connection.frame_bytes


def test_frames_do_not_end_before_tied_bytes() -> None:
    connection, port = connect(FAULTS["none"], patience=60)
    sent: list[bytes] = []
    take = port.board._take

    def note(body: bytes) -> None:
        take(body)
        if body[1] & 0x40:
            sent.append(body[3:])

    port.board._take = note  # type: ignore[method-assign]
    whole = b""
    for index in range(400):
        data = bytes(37 + index % 5) + b"tie"
        connection.send(data, 3)
        whole += data
    while not connection.done:
        connection.exchange(_REGISTER)
        port.board.work(512)
    assert b"".join(sent) == whole
    # A frame has the whole of it, and the byte before.
    assert len(sent) > 60
    assert sum(part.count(b"\0tie") for part in sent) == 400


def test_silence_ends_after_some_attempts() -> None:
    port = ModelPort(BoardModel())
    connection = Connection(port, 0.002, attempts=5)  # type: ignore[arg-type]
    connection.restart()
    port.silent = True
    with pytest.raises(ToolError, match=r"model: no board answers \(5 attempts of 0.002 s, 0 "):
        connection.query(_REGISTER)
    assert connection.counters.timeouts >= 5
    port.silent = False
    connection.send(b"abc")
    while not connection.done:
        connection.exchange(_REGISTER)
    port.board.work(3)
    assert port.board.done == b"abc"


@pytest.mark.parametrize("version", [0, VERSION + 1, 7])
def test_another_version_is_refused(version: int) -> None:
    port = ModelPort(BoardModel(version=version))
    connection = Connection(port, patience=0.002)  # type: ignore[arg-type]
    with pytest.raises(
        InputError, match=f"link is of version {version}, this pann-hw's of version"
    ):
        connection.restart()


def test_a_board_that_was_reset_is_noticed() -> None:
    connection, port = connect(FAULTS["none"])
    connection.send(bytes(2000))
    while not connection.done:
        connection.exchange(_REGISTER)
    port.board = BoardModel()
    with pytest.raises(ToolError, match="has been reset, or another program drives it"):
        connection.query(_REGISTER)
    connection.restart()
    assert connection.query(_REGISTER) == 0


def test_a_restart_forgets_what_was_under_way() -> None:
    connection, port = connect(FAULTS["none"])
    port.board.results += b"old results"
    connection.send(bytes(5000))
    for _ in range(4):
        connection.exchange(_REGISTER)
    port.board.results.clear()
    connection.restart()
    assert not connection.waiting and not connection.results
    port.board.done.clear()
    connection.send(b"new")
    while not connection.done:
        connection.exchange(_REGISTER)
    port.board.work(3)
    assert port.board.done == b"new"
