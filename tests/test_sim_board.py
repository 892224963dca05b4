"""The simulated board: starts, stops, several at a time."""

from __future__ import annotations

from pathlib import Path

from pann_hw.link.driver import open_board
from pann_hw.registers.map import Register
from sim.board import simulated_board
from tests.board_cases import BOARD


def test_it_runs_as_long_as_its_context() -> None:
    with simulated_board(BOARD) as board:
        assert Path(board.port).exists()
        for _ in range(2):
            with open_board(board.port, BOARD) as driver:
                assert driver.read(Register.FINGERPRINT) == BOARD.fingerprint
                assert driver.clock == 12_000_000
        assert board.process.poll() is None
    assert board.process.poll() is not None
    assert not Path(board.port).exists()


def test_it_ends_with_who_started_it() -> None:
    with simulated_board(BOARD) as board:
        assert board.process.stdin is not None
        board.process.stdin.close()
        assert board.process.wait(10) == 0


def test_several_run_at_a_time() -> None:
    with simulated_board(BOARD) as one, simulated_board(BOARD) as other:
        assert one.port != other.port
        with open_board(one.port, BOARD) as first, open_board(other.port, BOARD) as second:
            first.write(Register.POINT, 1)
            second.write(Register.POINT, 2)
            assert (first.read(Register.POINT), second.read(Register.POINT)) == (1, 2)


def test_it_may_be_stopped() -> None:
    with simulated_board(BOARD) as board:
        board.stop()
        assert board.process.returncode is not None
