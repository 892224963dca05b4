"""iCEBreaker: iCE40UP5K, the smallest of the boards; no DSP is used."""

from boards.board import Board, Memory, Uart
from pann_hw.config import AcceleratorConfig

__all__ = ["BOARD"]

BOARD = Board(
    name="icebreaker",
    title="1BitSquared iCEBreaker",
    device="iCE40UP5K-SG48",
    family="ice40",
    platform="amaranth_boards.icebreaker:ICEBreakerPlatform",
    oscillator=12_000_000,
    clock=18_000_000,
    # 12 MHz * 48 = 576 MHz, / 2**5
    pll={"DIVR": 0, "DIVF": 47, "DIVQ": 5, "FILTER_RANGE": 1},
    uart=Uart(3_000_000),
    placing=("--up5k", "--package", "sg48"),
    packing=(),
    led=("led_g", 0),
    logic=5280,
    flip_flops=5280,
    memories=(
        Memory("SB_RAM40_4K", 30, ((256, 16), (512, 8), (1024, 4), (2048, 2))),
        Memory("SB_SPRAM256KA", 4, ((16384, 16),), single_port=True),
    ),
    # Convolutions take more logic than there is, see docs/boards.md.
    config=AcceleratorConfig(
        layer_kinds="linear", lanes=16, cores=1, lane="csd", operand_width=4, max_shift=3,
        accumulator_width=14, low_bits=14, banks=1, window_slots=4, activation_words=16,
        term_words=16, descriptor_words=256, weight_words=512, weight_width=5, requantise_lanes=2,
    ),
)  # fmt: skip
