"""``pann-hw board simulate``: a board for another process, until an interrupt."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pann_hw.cli import main
from pann_hw.link.driver import open_board
from pann_hw.registers.map import Register
from tests.board_cases import BOARD


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_another_process_uses_it(end: signal.Signals, tmp_path: Path) -> None:
    BOARD.save(tmp_path / "config.json")
    link = tmp_path / "there" / "board"
    command = ["board", "simulate", "--config", f"{tmp_path}/config.json", "--link", str(link)]
    with subprocess.Popen(
        [sys.executable, "-m", "pann_hw.cli", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            until = time.monotonic() + 120
            while not link.exists():
                assert process.poll() is None and time.monotonic() < until
                time.sleep(0.05)
            with open_board(str(link), BOARD) as driver:
                driver.write(Register.POINT, 5)
                assert driver.read(Register.POINT) == 5
        finally:
            process.send_signal(end)
            try:
                output, messages = process.communicate(timeout=30)
            finally:
                process.kill()
    assert process.returncode == 0, messages
    assert f"the board is at {link}, 3000000 baud" in messages
    assert output.startswith(f"the board at {link} ran for ")
    assert not link.is_symlink()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--baud", "5000000"), "baud = 5000000: must be a whole part of the clock, 12 MHz"),
        (("--clock", "0"), "--clock 0: must be above 0"),
        (("--clock", "0.0005", "--baud", "125"), "clock = 500: must be 1000..16777215999 Hz"),
        (("--lanes", "5"), "lanes = 5: must be one of"),
    ],
)
def test_wrong_arguments(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["board", "simulate", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_link_that_is_in_the_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    BOARD.save(tmp_path / "config.json")
    command = ["board", "simulate", "--config", f"{tmp_path}/config.json"]
    assert main([*command, "--link", f"{tmp_path}/config.json"]) == 2
    assert "cannot be made (File exists); choose another --link" in capsys.readouterr().err
