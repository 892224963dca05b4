"""ULX3S-85F: room for 256 lanes and all of ResNet-8."""

from boards.board import Board, Memory, Uart
from boards.ecp5 import BLOCK_SHAPES
from pann_hw.config import AcceleratorConfig

__all__ = ["BOARD"]

BOARD = Board(
    name="ulx3s-85f",
    title="Radiona ULX3S-85F",
    device="LFE5U-85F-6BG381C",
    family="ecp5",
    platform="amaranth_boards.ulx3s:ULX3S_85F_Platform",
    oscillator=25_000_000,
    clock=50_000_000,
    # 25 MHz * 2 = 50 MHz, at a VCO of 600 MHz
    pll={"CLKI_DIV": 1, "CLKFB_DIV": 2, "CLKOP_DIV": 12},
    uart=Uart(1_000_000),
    placing=("--85k", "--package", "CABGA381", "--speed", "6", "--placer", "static",
             "--router", "router2", "--tmg-ripup"),
    packing=("--compress",),
    led=("led", 0),
    logic=83640,
    flip_flops=83640,
    memories=(Memory("DP16KD", 208, BLOCK_SHAPES),),
    # Memories hold ResNet-8 in 4 bits, see docs/boards.md; another size is another placement.
    config=AcceleratorConfig(
        lanes=32, cores=8, lane="csd", operand_width=4, accumulator_width=18, low_bits=18,
        banks=1, window_slots=4, activation_words=1632, term_words=16950, descriptor_words=1442,
        requantise_lanes=16, register_stages=1,
    ),
    wide_luts=False,
    asked=1.04,
)  # fmt: skip
