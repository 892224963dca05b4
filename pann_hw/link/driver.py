"""The driver of an accelerator on a board: program, operating points, inferences, registers."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from pann_hw.config import AcceleratorConfig
from pann_hw.errors import InputError, MismatchError
from pann_hw.link.config import BAUD
from pann_hw.link.connection import Connection, LinkCounters
from pann_hw.link.payload import input_operations, pack_inputs, sum_bytes, unpack_sums
from pann_hw.link.port import SerialPort
from pann_hw.link.protocol import OPERATION_COUNT, Operation
from pann_hw.program.image import Image
from pann_hw.registers.error import Error
from pann_hw.registers.map import Control, Register, Status, constants, described

__all__ = ["BoardDriver", "BoardRun", "open_board"]

_AHEAD = 4
"""Frames' worth of operations that wait to be sent: making more would only take memory."""


@dataclass(frozen=True, eq=False)
class BoardRun:
    """What the board did, inference by inference.

    Attributes
    ----------
    outputs : int64 (inferences, outputs), in the order of the output stream
    cycles : int64 (inferences,), of the first from its start, of the others from the end of the
        one before: in all, of the whole run, with what was spent waiting for the link
    seconds : from the first byte to the last
    """

    outputs: np.ndarray
    cycles: np.ndarray
    seconds: float


class BoardDriver:
    """An accelerator behind a link. What was under way before is given up.

    Parameters
    ----------
    connection : to the board
    config : that its accelerator must have
    timeout : seconds without any progress after which an inference counts as hung

    Raises
    ------
    InputError : the board has another configuration, or another version of the link
    ToolError : the board does not answer, or the port has gone
    """

    def __init__(
        self, connection: Connection, config: AcceleratorConfig, timeout: float = 30.0
    ) -> None:
        self._connection = connection
        self._config = config
        self._timeout = timeout
        self.restart()
        self._identify()

    def _identify(self) -> None:
        expected = constants(self._config)
        identity = self.read(Register.IDENTITY)
        if identity != expected[Register.IDENTITY]:
            raise InputError(
                f"the board identifies itself as {identity:08x}, this pann-hw drives "
                f"{expected[Register.IDENTITY]:08x}: load a bitstream made by this pann-hw"
            )
        fingerprint = self.read(Register.FINGERPRINT)
        if fingerprint != self._config.fingerprint:
            shape = self.read(Register.SHAPE)
            fields = described(Register.SHAPE).fields
            found = ", ".join(f"{one.name.lower()} {one.get(shape)}" for one in fields)
            raise InputError(
                f"the board's accelerator has fingerprint {fingerprint:08x} ({found}), the program "
                f"is for {self._config.fingerprint:08x}: compile it for the board's configuration, "
                "or load another bitstream"
            )

    @property
    def clock(self) -> int:
        """Of the board, in Hz, a multiple of 1000."""
        return self._connection.clock

    @property
    def counters(self) -> LinkCounters:
        """What went over the line."""
        return self._connection.counters

    def restart(self) -> None:
        """Reset accelerator and link: nothing is under way, and no program is loaded."""
        self._connection.restart()

    def read(self, register: int) -> int:
        """The value of a register now: see :class:`pann_hw.registers.map.Register`."""
        return self._connection.query(register)

    def write(self, register: int, value: int) -> None:
        """Write a register, after all that was sent before."""
        self._connection.send(bytes((Operation.WRITE | register, value)))
        self._settle()

    def load(self, image: Image) -> None:
        """Load a program, and check that the accelerator has taken it.

        Raises
        ------
        MismatchError : the accelerator refuses the program, or does not take it
        ToolError : the board does not answer, or the port has gone
        """
        words = image.stream().astype("<u4")
        for start in range(0, len(words), OPERATION_COUNT):
            part = words[start : start + OPERATION_COUNT]
            self._connection.send(bytes((Operation.PROGRAM, len(part) - 1)) + part.tobytes())
        self._settle()
        with self._watch("the program is not taken") as check:
            while True:
                status = self.read(Register.STATUS)
                self._check(status)
                if status & Status.LOADED:
                    return
                check()

    def run(
        self,
        inputs: np.ndarray,
        points: np.ndarray,
        outputs: int,
        progress: Callable[[], None] | None = None,
    ) -> BoardRun:
        """Run inferences one after another, each started while the one before it runs.

        Parameters
        ----------
        inputs : uint8 (inferences, elements), elements in the order of the input stream
        points : (inferences,), the operating point of each
        outputs : elements that an inference sends out
        progress : called after each inference

        Raises
        ------
        ValueError : inputs or points of another shape, or inputs that are too large
        MismatchError : the accelerator reports an error, or hangs
        ToolError : the board does not answer, or the port has gone
        """
        count, width = len(inputs), sum_bytes(self._config)
        if inputs.ndim != 2 or points.shape != (count,):
            raise ValueError(
                f"inputs {inputs.shape} and points {points.shape} must be (inferences, elements) "
                "and (inferences,)"
            )
        operations = self._operations(inputs, points)
        size = outputs * width + 4
        connection = self._connection
        done: list[bytes] = []
        begin = time.monotonic()
        with self._watch(lambda: f"inference {len(done)} of {count} does not end") as check:
            while len(done) < count:
                while connection.waiting < _AHEAD * connection.frame_bytes:
                    more, tied = next(operations, (b"", 0))
                    if not more:
                        break
                    connection.send(more, tied)
                report = connection.exchange(Register.STATUS)
                if report is not None and report.register == Register.STATUS:
                    self._check(report.value)
                while len(connection.results) >= size:
                    done.append(bytes(connection.results[:size]))
                    del connection.results[:size]
                    if progress is not None:
                        progress()
                check()
        seconds = time.monotonic() - begin
        table = np.frombuffer(b"".join(done), np.uint8).reshape(count, size)
        cycles = np.ascontiguousarray(table[:, -4:]).view("<u4")[:, 0].astype(np.int64)
        return BoardRun(unpack_sums(table[:, :-4].reshape(count, outputs, width)), cycles, seconds)

    def _operations(self, inputs: np.ndarray, points: np.ndarray) -> Iterator[tuple[bytes, int]]:
        """All operations of a run, and how many bytes at the end of each part start an inference.

        An inference's start comes in the frame in which the input of the one before it ends. It is
        taken while that one runs, so that the cycles of all are those of the whole run.
        """
        beats = pack_inputs(inputs, self._config)
        before = -1
        for index in range(len(inputs) + 1):
            start = b""
            if index < len(inputs):
                if points[index] != before:
                    before = int(points[index])
                    start += bytes((Operation.WRITE | Register.POINT, before))
                first = Operation.WRITE | Operation.WHEN_READY | Register.CONTROL
                start += bytes((first, Control.START))
            yield (input_operations(beats[index - 1]) if index else b"") + start, len(start)

    def _settle(self) -> None:
        """Wait until the board has done all that was sent."""
        with self._watch("operations are not done") as check:
            while not self._connection.done:
                report = self._connection.exchange(Register.STATUS)
                if report is not None and report.register == Register.STATUS:
                    self._check(report.value)
                check()

    def _check(self, status: int) -> None:
        """Raise what the accelerator reports, after which it is as after a restart."""
        if not status & Status.ERROR:
            return
        code = self.read(Register.ERROR)
        self.restart()
        known = code in set(Error)
        meaning = Error(code).meaning if known else "this version does not know it"
        raise MismatchError(f"the board reports error {code}: {meaning}")

    @contextlib.contextmanager
    def _watch(self, what: str | Callable[[], str]) -> Iterator[Callable[[], None]]:
        """Gives what raises after too long a time without progress."""
        seen, since = -1, 0.0

        def check() -> None:
            nonlocal seen, since
            now = time.monotonic()
            if self._connection.progress != seen:
                seen, since = self._connection.progress, now
            elif now - since > self._timeout:
                said = what if isinstance(what, str) else what()
                self.restart()
                raise MismatchError(
                    f"{said}: the board answers, but makes no progress for {self._timeout:g} s"
                )

        yield check


@contextlib.contextmanager
def open_board(
    port: str,
    config: AcceleratorConfig,
    baud: int = BAUD,
    *,
    timeout: float = 30.0,
    patience: float = 1.0,
) -> Iterator[BoardDriver]:
    """The accelerator of the board at a serial port, until the context ends.

    Parameters
    ----------
    port : its path
    config : that the accelerator must have
    baud : bits a second, as the board's bitstream has been made for
    timeout : seconds without any progress after which an inference counts as hung
    patience : seconds for the answer to a frame, of which 8 must be missing in a row

    Raises
    ------
    InputError : there is no such port, or what is there is another board
    ToolError : no board answers
    """
    with SerialPort(port, baud) as opened:
        yield BoardDriver(Connection(opened, patience), config, timeout)
