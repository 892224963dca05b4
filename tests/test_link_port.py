"""Serial ports: what is none, one that is in use, one that goes away; each in one line."""

from __future__ import annotations

import os
import pty
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from pann_hw.errors import InputError, ToolError
from pann_hw.link.port import SerialPort


@pytest.fixture
def terminal() -> Iterator[tuple[int, str]]:
    """The other end of a port, and the port."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(slave)


def refusal(path: str, baud: int = 9600) -> str:
    with pytest.raises(InputError) as caught:
        SerialPort(path, baud)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_bytes_go_both_ways(terminal: tuple[int, str]) -> None:
    master, path = terminal
    with SerialPort(path, 3_000_000) as port:
        every = bytes(range(256))
        port.write(every)
        assert os.read(master, 1000) == every
        os.write(master, every)
        found = b""
        while len(found) < 256:
            found += port.read(1)
        assert found == every
        assert port.read(0.01) == b""
        os.write(master, b"old")
        port.drop()
        assert port.read(0.01) == b""
    os.close(master)


def test_what_is_no_port_is_refused(tmp_path: Path) -> None:
    missing = refusal("/dev/there_is_no_such_port")
    assert missing == (
        "/dev/there_is_no_such_port: is no serial port that can be opened (No such file or "
        "directory); connect the board, or choose another port"
    )
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file", Path("/dev/null")):
        assert f"{path}: is no serial port that can be opened" in refusal(str(path))


def test_a_port_in_use_is_refused(terminal: tuple[int, str]) -> None:
    master, path = terminal
    with SerialPort(path, 9600):
        assert "is no serial port that can be opened" in refusal(path)
    with SerialPort(path, 9600):
        os.close(master)


@pytest.mark.parametrize("baud", [0, -9600])
def test_baud_rates_that_are_none_are_refused(baud: int, terminal: tuple[int, str]) -> None:
    master, path = terminal
    assert refusal(path, baud) == f"baud = {baud}: must be at least 1"
    os.close(master)


def test_a_port_that_goes_away_is_told(terminal: tuple[int, str]) -> None:
    master, path = terminal
    with SerialPort(path, 9600) as port:
        os.close(master)
        for use in (lambda: port.read(1), lambda: port.write(b"x"), port.drop):
            with pytest.raises(ToolError, match=r"the port has gone \(.*\); connect the board"):
                use()
