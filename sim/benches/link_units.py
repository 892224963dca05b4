"""All units of the host link side by side in one design, as those of the accelerator are."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from amaranth.lib import wiring

from pann_hw.config import AcceleratorConfig
from rtl_gen.link.checksum import Checksum
from rtl_gen.link.collector import Collector
from rtl_gen.link.executor import Executor
from rtl_gen.link.frame_receiver import FrameReceiver
from rtl_gen.link.reporter import Reporter
from rtl_gen.link.uart import UartReceiver, UartTransmitter
from sim.benches.ports import Ports

__all__ = ["BEATS", "DIVISORS", "RING", "SUMS", "link_ports", "link_units"]

DIVISORS = (4, 5, 16)
"""Cycles of a bit: the fewest, an odd number, and many."""

RING = 256
"""Bytes of the ring of operations."""

_CONFIG = AcceleratorConfig(lanes=8, cores=2)

BEATS = {
    "byte": _CONFIG,
    "two_in_a_byte": replace(_CONFIG, input_elements=2, operand_width=4),
    "twelve_bits": replace(_CONFIG, input_elements=2, operand_width=6),
    "four_bytes": replace(_CONFIG, input_elements=4),
    "eight_bytes": replace(_CONFIG, input_elements=8),
    "nibble": replace(_CONFIG, operand_width=4),
}
"""Executors for beats of the input of every size."""

SUMS = {width: replace(_CONFIG, accumulator_width=width) for width in (16, 24, 32)}
"""Collectors for sums of two to four bytes."""


@cache
def link_units() -> dict[str, wiring.Component]:
    """The units by name."""
    return {
        "checksum": Checksum(),
        **{f"uart_receiver_{divisor}": UartReceiver(divisor) for divisor in DIVISORS},
        **{f"uart_transmitter_{divisor}": UartTransmitter(divisor) for divisor in DIVISORS},
        "frames": FrameReceiver(RING),
        **{f"executor_{name}": Executor(config) for name, config in BEATS.items()},
        **{f"collector_{width}": Collector(config) for width, config in SUMS.items()},
        "reporter": Reporter(),
    }


def link_ports(dut: Any, name: str) -> Ports:
    """The ports of a unit of :func:`link_units`."""
    return Ports(dut, link_units()[name], name)
