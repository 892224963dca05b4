"""A board's clock: from its oscillator, through a PLL where it has another frequency."""

from amaranth import ClockDomain, ClockSignal, Const, Instance, Module, Signal
from amaranth.build import Platform
from amaranth.lib import io
from amaranth.lib.cdc import ResetSynchronizer

from boards.board import Board

__all__ = ["add_clock"]


def add_clock(m: Module, board: Board, platform: Platform) -> None:
    """Make the domain ``sync``, whose reset ends when the PLL has locked.

    Parameters
    ----------
    board : with a PLL; without one the platform's own clock is the domain's
    platform : whose default clock is the oscillator
    """
    clock, locked = Signal(), Signal()
    m.domains.sync = ClockDomain()
    m.d.comb += ClockSignal().eq(clock)
    m.submodules.pll = _PLLS[board.family](board, platform, clock, locked)
    m.submodules.reset = ResetSynchronizer(~locked)


def _ice40(board: Board, platform: Platform, clock: Signal, locked: Signal) -> Instance:
    return Instance(
        # With the pad in it: the PLL takes the place of the pad's input.
        "SB_PLL40_PAD",
        p_FEEDBACK_PATH="SIMPLE",
        **{f"p_{name}": value for name, value in board.pll.items()},
        i_PACKAGEPIN=platform.request(platform.default_clk, dir="-").io,
        i_RESETB=Const(1),
        i_BYPASS=Const(0),
        o_PLLOUTGLOBAL=clock,
        o_LOCK=locked,
    )


def _ecp5(board: Board, platform: Platform, clock: Signal, locked: Signal) -> Module:
    m = Module()
    oscillator = _behind_pad(m, platform)
    m.submodules.pll = Instance(
        "EHXPLLL",
        **{f"p_{name}": value for name, value in board.pll.items()},
        p_CLKOP_ENABLE="ENABLED",
        p_CLKOP_CPHASE=board.pll["CLKOP_DIV"] - 1,
        p_FEEDBK_PATH="CLKOP",
        # What nextpnr derives the constraint of the output from.
        a_FREQUENCY_PIN_CLKI=f"{board.oscillator / 1e6:g}",
        a_FREQUENCY_PIN_CLKOP=f"{board.clock / 1e6:g}",
        i_CLKI=oscillator,
        i_CLKFB=clock,
        i_RST=Const(0),
        i_STDBY=Const(0),
        i_ENCLKOP=Const(0),
        o_CLKOP=clock,
        o_LOCK=locked,
    )
    return m


def _vivado(board: Board, platform: Platform, clock: Signal, locked: Signal) -> Module:
    m = Module()
    oscillator = _behind_pad(m, platform)
    feedback, made = Signal(), Signal()
    m.submodules.mmcm = Instance(
        "MMCME2_BASE",
        **{f"p_{name}": float(value) for name, value in board.pll.items()},
        p_CLKIN1_PERIOD=1e9 / board.oscillator,
        i_CLKIN1=oscillator,
        i_CLKFBIN=feedback,
        i_RST=Const(0),
        i_PWRDWN=Const(0),
        o_CLKFBOUT=feedback,
        o_CLKOUT0=made,
        o_LOCKED=locked,
    )
    m.submodules.buffer = Instance("BUFG", i_I=made, o_O=clock)
    return m


def _behind_pad(m: Module, platform: Platform) -> Signal:
    """The oscillator, as its pad gives it."""
    m.submodules.pad = pad = io.Buffer("i", platform.request(platform.default_clk, dir="-"))
    return pad.i


_PLLS = {"ice40": _ice40, "ecp5": _ecp5, "vivado": _vivado}
