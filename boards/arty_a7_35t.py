"""Arty A7-35T: for Vivado, which no open toolchain from PyPI replaces."""

from boards.board import Board, Memory, Uart
from boards.orangecrab import BOARD as ORANGECRAB

__all__ = ["BOARD"]

BOARD = Board(
    name="arty-a7-35t",
    title="Digilent Arty A7-35T",
    device="xc7a35ticsg324-1L",
    family="vivado",
    platform="amaranth_boards.arty_a7:ArtyA7_35Platform",
    oscillator=100_000_000,
    clock=50_000_000,
    # 100 MHz * 10 = 1 GHz, / 20
    pll={"CLKFBOUT_MULT_F": 10, "CLKOUT0_DIVIDE_F": 20},
    uart=Uart(1_000_000),
    placing=(),
    packing=(),
    led=("led", 0),
    logic=20800,
    flip_flops=41600,
    memories=(Memory("RAMB36E1", 50, ((1024, 36), (2048, 18), (4096, 9), (8192, 4), (16384, 2))),),
    config=ORANGECRAB.config,
)
