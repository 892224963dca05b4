"""OrangeCrab with an ECP5-25F; the host's line is on its connector."""

from boards.board import Board, Memory, Uart
from boards.ecp5 import BLOCK_SHAPES
from pann_hw.config import AcceleratorConfig

__all__ = ["BOARD"]

BOARD = Board(
    name="orangecrab",
    title="OrangeCrab r0.2 (25F)",
    device="LFE5U-25F-8MG285C",
    family="ecp5",
    platform="amaranth_boards.orangecrab_r0_2:OrangeCrabR0_2_25FPlatform",
    oscillator=48_000_000,
    clock=48_000_000,
    pll={},
    # Pins 0 and 1, RX and TX of the Feather's layout.
    uart=Uart(3_000_000, pins=("0", "1"), attributes={"IO_TYPE": "LVCMOS33"}),
    placing=("--25k", "--package", "CSFBGA285", "--speed", "8"),
    packing=("--compress", "--freq", "38.8"),
    led=("rgb_led", 0),
    logic=24288,
    flip_flops=24288,
    memories=(Memory("DP16KD", 56, BLOCK_SHAPES),),
    config=AcceleratorConfig(
        lanes=16, cores=2, lane="csd", operand_width=4, accumulator_width=18, low_bits=18,
        banks=2, window_slots=8, activation_words=512, term_words=16384, descriptor_words=4096,
        requantise_lanes=4,
    ),
)  # fmt: skip
