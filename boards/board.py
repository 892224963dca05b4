"""What a board is: pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pann_hw.config import AcceleratorConfig
from pann_hw.link.config import LinkConfig

__all__ = ["Board", "Memory", "Uart"]


@dataclass(frozen=True)
class Memory:
    """Memory blocks of one kind.

    Attributes
    ----------
    cell : as synthesis and place and route call it
    count : on the device
    shapes : (words, bits) that a block can be
    single_port : it has one port, so that it holds only what is not read while it is written
    """

    cell: str
    count: int
    shapes: tuple[tuple[int, int], ...]
    single_port: bool = False

    @property
    def bits(self) -> int:
        """Of all blocks."""
        return self.count * max(words * bits for words, bits in self.shapes)


@dataclass(frozen=True)
class Uart:
    """The host's line.

    Attributes
    ----------
    baud : bits a second
    pins : rx and tx on a connector, where the board has no line of its own; None where it has
    connector : name and number of that connector
    attributes : of those pins
    """

    baud: int
    pins: tuple[str, str] | None = None
    connector: tuple[str, int] = ("io", 0)
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Board:
    """A board.

    Attributes
    ----------
    name : on the command line
    title : of its maker
    device : the FPGA
    family : "ice40", "ecp5", "gowin" or "vivado"; for the last one only sources are written
    platform : of amaranth-boards, "module:class"
    oscillator : Hz
    clock : of the design in Hz, from the oscillator; see :mod:`boards.clock`
    pll : parameters of the PLL that makes it; empty where the clock is the oscillator's
    uart : the host's line
    placing, packing : what place and route, and packing, are told of the device
    led : resource that shows that an inference is done
    logic : cells of four-input logic; flip_flops : of them
    memories : blocks, those used first first
    config : the accelerator where none is given
    wide_luts : with an ECP5, LUTs may be joined to larger ones, which are faster and need more of
        them, side by side
    asked : of an ECP5, how much more than the clock place and route is asked for: one that rips up
        what is too slow stops as soon as it has what it was asked for, by its own estimate
    """

    name: str
    title: str
    device: str
    family: str
    platform: str
    oscillator: int
    clock: int
    pll: Mapping[str, int]
    uart: Uart
    placing: tuple[str, ...]
    packing: tuple[str, ...]
    led: tuple[str, int]
    logic: int
    flip_flops: int
    memories: tuple[Memory, ...]
    config: AcceleratorConfig
    wide_luts: bool = True
    asked: float = 1.0

    @property
    def link(self) -> LinkConfig:
        """The host link's parameters."""
        return LinkConfig.of_baud(self.clock, self.uart.baud)
