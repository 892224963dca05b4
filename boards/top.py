"""A board's top level: its pins and clock around the design that all boards share."""

from amaranth import Elaboratable, Module
from amaranth.build import Platform
from amaranth.lib import io

from boards.board import Board
from boards.clock import add_clock
from boards.design import Design
from pann_hw.config import AcceleratorConfig

__all__ = ["Top"]


class Top(Elaboratable):
    """The design on a board's pins.

    Parameters
    ----------
    board : its data
    config : of the accelerator
    """

    def __init__(self, board: Board, config: AcceleratorConfig) -> None:
        self._board = board
        self._config = config

    def elaborate(self, platform: Platform) -> Module:
        m = Module()
        board = self._board
        if board.pll:
            add_clock(m, board, platform)
        uart = platform.request("uart", 0, dir="-")
        lamp = platform.request(*board.led, dir="-")
        m.submodules.rx = rx = io.Buffer("i", uart.rx)
        m.submodules.tx = tx = io.Buffer("o", uart.tx)
        # Of a lamp of three colours the green one.
        m.submodules.led = led = io.Buffer("o", lamp.g if hasattr(lamp, "g") else lamp)
        m.submodules.design = design = Design(self._config, board.link)
        m.d.comb += [
            design.rx.eq(rx.i),
            tx.o.eq(design.tx),
            led.o.eq(design.done),
        ]
        return m
