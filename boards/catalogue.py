"""All boards by name."""

from boards import arty_a7_35t, icebreaker, orangecrab, tang_nano_9k, ulx3s_85f
from boards.board import Board
from pann_hw.errors import InputError

__all__ = ["BOARDS", "find_board"]

BOARDS = {
    module.BOARD.name: module.BOARD
    for module in (icebreaker, ulx3s_85f, orangecrab, tang_nano_9k, arty_a7_35t)
}
"""By name, in the order in which they are listed."""


def find_board(name: str) -> Board:
    """The board of that name.

    Raises
    ------
    InputError : there is none; the names are listed
    """
    if name not in BOARDS:
        raise InputError(f"board {name!r}: must be one of {', '.join(BOARDS)}")
    return BOARDS[name]
