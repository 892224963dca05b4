"""Parameters of the host link's hardware."""

from __future__ import annotations

from dataclasses import dataclass

from pann_hw.errors import InputError
from pann_hw.link.protocol import CLOCK_BITS

__all__ = ["BAUD", "LinkConfig"]

BAUD = 3_000_000
"""Bits a second where nothing else is said: the fastest that common USB adapters have."""

_COMMAND_BYTES = (256, 512, 1024)

_DIVISORS = 4, 65535
"""Of a bit one cycle may be lost in finding its edge, and a half in the middle."""

_TOLERANCE = 0.02
"""Of the baud rate: what a UART bears at both ends together."""


@dataclass(frozen=True)
class LinkConfig:
    """What a board's link is.

    Attributes
    ----------
    clock : of the board in Hz, which the host can ask for in kHz
    divisor : cycles of a bit of the line
    command_bytes : of the ring of operations; in larger ones the report's ``room`` would be too
        coarse
    """

    clock: int = 12_000_000
    divisor: int = 4
    command_bytes: int = 512

    def __post_init__(self) -> None:
        most = (1000 << CLOCK_BITS) - 1
        if not 1000 <= self.clock <= most:
            raise InputError(f"clock = {self.clock}: must be 1000..{most} Hz")
        low, high = _DIVISORS
        if not low <= self.divisor <= high:
            raise InputError(
                f"divisor = {self.divisor}: must be {low}..{high} cycles of a bit; choose another "
                "baud rate"
            )
        if self.command_bytes not in _COMMAND_BYTES:
            raise InputError(
                f"command_bytes = {self.command_bytes}: must be one of "
                f"{', '.join(map(str, _COMMAND_BYTES))}"
            )

    @classmethod
    def of_baud(cls, clock: int, baud: int, command_bytes: int = 512) -> LinkConfig:
        """The configuration for a clock in Hz and a baud rate.

        Raises
        ------
        InputError : no whole number of cycles is near enough to a bit, or there are too few or too
            many of them
        """
        low, high = _DIVISORS
        cycles = round(clock / baud) if baud > 0 else 0
        if not low <= cycles <= high or abs(cycles * baud / clock - 1) > _TOLERANCE:
            raise InputError(
                f"baud = {baud}: must be a whole part of the clock, {clock / 1e6:g} MHz, within "
                f"{100 * _TOLERANCE:g} %, from {-(-clock // high)} to {clock // low}"
            )
        return cls(clock, cycles, command_bytes)

    @property
    def baud(self) -> int:
        """Bits a second."""
        return round(self.clock / self.divisor)
