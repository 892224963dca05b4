"""The boards' data: what can be checked without a board."""

import pytest

from boards.board import Board
from boards.catalogue import BOARDS, find_board
from boards.fits import check_memories
from pann_hw.errors import InputError


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_pll_makes_the_clock(board: Board) -> None:
    pll, vco_range = board.pll, (0.0, 0.0)
    vco = made = float(board.oscillator)
    if board.family == "ice40":
        vco = board.oscillator / (pll["DIVR"] + 1) * (pll["DIVF"] + 1)
        made, vco_range = vco / 2 ** pll["DIVQ"], (533e6, 1066e6)
    elif board.family == "ecp5" and pll:
        made = board.oscillator / pll["CLKI_DIV"] * pll["CLKFB_DIV"]
        vco, vco_range = made * pll["CLKOP_DIV"], (400e6, 800e6)
    elif board.family == "vivado":
        vco = board.oscillator * pll["CLKFBOUT_MULT_F"]
        made, vco_range = vco / pll["CLKOUT0_DIVIDE_F"], (600e6, 1200e6)
    assert made == board.clock
    assert not pll or vco_range[0] <= vco <= vco_range[1]


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_line_is_within_tolerance(board: Board) -> None:
    assert board.link.clock == board.clock
    assert abs(board.link.baud / board.uart.baud - 1) <= 0.02


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_memories_of_the_default_fit(board: Board) -> None:
    assert 0 < check_memories(board, board.config) <= board.memories[0].count


def test_names() -> None:
    for name, board in BOARDS.items():
        assert board.name == name
        assert find_board(name) is board


def test_unknown_board_lists_those_there_are() -> None:
    with pytest.raises(InputError, match="board 'ulx3s': must be one of icebreaker, ulx3s-85f, "):
        find_board("ulx3s")
