"""Serial ports: pyserial, with errors in one line."""

from __future__ import annotations

import contextlib
import os
import termios
from types import TracebackType

import serial

from pann_hw.errors import InputError, ToolError

__all__ = ["SerialPort"]

_GONE = (serial.SerialException, OSError, termios.error)
"""What pyserial raises, by the call and the way in which a port goes."""


class SerialPort:
    """A serial port, 8N1, that nobody else has open.

    Parameters
    ----------
    path : of the port, such as /dev/ttyUSB1
    baud : bits a second

    Raises
    ------
    InputError : there is no such port, it is in use, or cannot have that baud rate
    """

    def __init__(self, path: str, baud: int) -> None:
        self.path = path
        if baud < 1:
            raise InputError(f"baud = {baud}: must be at least 1")
        try:
            self._port = serial.Serial(path, baud, exclusive=True, write_timeout=30)
        except ValueError as error:
            raise InputError(f"{path}: cannot have {baud} baud ({error})") from None
        except (serial.SerialException, OSError) as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise InputError(
                f"{path}: is no serial port that can be opened ({reason}); connect the board, or "
                "choose another port"
            ) from None
        # USB adapters gather bytes for milliseconds unless they are told; others cannot be.
        with contextlib.suppress(ValueError, NotImplementedError, AttributeError, OSError):
            self._port.set_low_latency_mode(True)

    def read(self, seconds: float) -> bytes:
        """What has come; waits for the first byte, for so long at most.

        Raises
        ------
        ToolError : the port has gone
        """
        try:
            self._port.timeout = max(seconds, 0)
            first = self._port.read(1)
            return bytes(first + self._port.read(self._port.in_waiting)) if first else b""
        except (*_GONE, TypeError) as error:
            raise self._gone(error) from None

    def write(self, sent: bytes) -> None:
        """Send bytes; they need not have gone out when this returns.

        Raises
        ------
        ToolError : the port has gone, or takes nothing any more
        """
        try:
            self._port.write(sent)
        except _GONE as error:
            raise self._gone(error) from None

    def drop(self) -> None:
        """Forget what has come and was not read."""
        try:
            self._port.reset_input_buffer()
        except _GONE as error:
            raise self._gone(error) from None

    def close(self) -> None:
        """Give the port back."""
        with contextlib.suppress(*_GONE):
            self._port.close()

    def __enter__(self) -> SerialPort:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _gone(self, error: Exception) -> ToolError:
        return ToolError(f"{self.path}: the port has gone ({error}); connect the board again")
