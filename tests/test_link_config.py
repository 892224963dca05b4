"""Parameters of the link: baud rates and what else is refused."""

from __future__ import annotations

import pytest

from pann_hw.errors import InputError
from pann_hw.link.config import LinkConfig


@pytest.mark.parametrize(
    ("clock", "divisor", "command_bytes", "message"),
    [
        (999, 4, 512, "clock = 999: must be 1000..16777215999 Hz"),
        (12_000_000, 3, 512, "divisor = 3: must be 4..65535 cycles of a bit; choose another"),
        (12_000_000, 65536, 512, "divisor = 65536: must be 4..65535"),
        (12_000_000, 4, 300, "command_bytes = 300: must be one of 256, 512, 1024"),
    ],
)
def test_what_it_cannot_be(clock: int, divisor: int, command_bytes: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        LinkConfig(clock, divisor, command_bytes)


@pytest.mark.parametrize(
    ("clock", "baud", "cycles"),
    [
        (12_000_000, 3_000_000, 4),
        (12_000_000, 1_000_000, 12),
        (12_000_000, 115_200, 104),
        (24_000_000, 3_000_000, 8),
    ],
)
def test_divisors_of_baud_rates(clock: int, baud: int, cycles: int) -> None:
    link = LinkConfig.of_baud(clock, baud)
    assert link == LinkConfig(clock, cycles)
    assert abs(link.baud / baud - 1) < 0.02


@pytest.mark.parametrize(
    ("clock", "baud", "least", "most"),
    [
        (25_000_000, 3_000_000, 382, 6_250_000),
        (12_000_000, 4_000_000, 184, 3_000_000),
        (12_000_000, 0, 184, 3_000_000),
        (12_000_000, -1, 184, 3_000_000),
        (100_000_000, 300, 1526, 25_000_000),
    ],
)
def test_baud_rates_without_a_divisor(clock: int, baud: int, least: int, most: int) -> None:
    with pytest.raises(InputError, match=f"baud = {baud}: .* from {least} to {most}"):
        LinkConfig.of_baud(clock, baud)
