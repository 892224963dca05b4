"""Tang Nano 9K: Gowin GW1NR-9."""

from boards.board import Board, Memory, Uart
from boards.icebreaker import BOARD as ICEBREAKER

__all__ = ["BOARD"]

BOARD = Board(
    name="tang-nano-9k",
    title="Sipeed Tang Nano 9K",
    device="GW1NR-LV9QN88PC6/I5",
    family="gowin",
    platform="amaranth_boards.tang_nano_9k:TangNano9kPlatform",
    oscillator=27_000_000,
    clock=27_000_000,
    pll={},
    uart=Uart(3_000_000),
    placing=("--device", "GW1NR-LV9QN88PC6/I5", "--vopt", "family=GW1N-9C"),
    packing=("-d", "GW1N-9C", "--sspi_as_gpio", "--mspi_as_gpio"),
    led=("led", 0),
    logic=8640,
    flip_flops=6480,
    memories=(Memory("BSRAM", 26, ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2))),),
    config=ICEBREAKER.config,
)
