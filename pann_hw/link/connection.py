"""A connection to a board: data in order and once, results, and registers, over a line with faults.

The board answers every frame with a report, and takes frames with data in the order of their
numbers alone. Where the report to the last frame does not tell that all of them were taken, or one
tells that a frame came damaged, or none comes for too long, the host asks until it gets an answer,
and then sends again all that was not taken (go back N).
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

from pann_hw.errors import InputError, ToolError
from pann_hw.link.port import SerialPort
from pann_hw.link.protocol import (
    CLOCK_BITS,
    CRC_BYTES,
    FLAG,
    HEADER_BYTES,
    LINK_REGISTER,
    RESULT_BYTES,
    SEQUENCE_BITS,
    VERSION,
    Deframer,
    Report,
    framed,
    request,
    sequence_add,
)

__all__ = ["Connection", "LinkCounters"]

_SMALLEST_RING = 256
"""Bytes, until the board has said more."""

_MOST_DAMAGED = 100
"""Times that a question is asked where the answer is another one."""

_SHORTEST = 8
"""Part of the ring below which a frame is too short to be worth its header, but for the last."""


@dataclass
class LinkCounters:
    """What went over a line.

    Attributes
    ----------
    frames : sent, with those that were sent again, which ``repeated`` are
    reports : received
    refused : reports that say that a frame came damaged
    damaged : reports, or parts of such, that came damaged themselves
    timeouts : times that no report came
    bytes_sent, bytes_received : all of them, with escapes and flags
    """

    frames: int = 0
    repeated: int = 0
    reports: int = 0
    refused: int = 0
    damaged: int = 0
    timeouts: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0


class Connection:
    """The link to the board at a port; it begins with :meth:`restart`.

    Parameters
    ----------
    port : where the board is
    patience : seconds for the report to a frame
    attempts : times in a row that no report comes before the board counts as gone

    Attributes
    ----------
    counters : what went over the line
    clock : of the board, in Hz
    progress : counts up with every change that the board reports: data taken or done, results
    results : bytes of results that came, which whoever takes them removes
    """

    def __init__(self, port: SerialPort, patience: float = 1.0, attempts: int = 8) -> None:
        self._port = port
        self._patience = patience
        self._attempts = attempts
        self.counters = LinkCounters()
        self.clock = 0
        self.progress = 0
        self.results = bytearray()
        self._deframer = Deframer()
        self._ring = _SMALLEST_RING
        self._polls = 0
        self._failures = 0
        # Bytes since the last report.
        self._noise = 0
        # Of the last frame without a report to it: whether it had data, and its number.
        self._asked: tuple[bool, int] | None = None
        # Whether the reports to all frames have come.
        self._settled = True
        self._forget()

    def _forget(self) -> None:
        self._queue = bytearray()
        # Bytes of data before the queue, and where from and to between them no frame may end.
        self._framed = 0
        self._ties: deque[tuple[int, int]] = deque()
        self._sent: deque[bytes] = deque()
        self._first = 0
        self._room = 0
        self._received = 0
        # Whether results have been lost on the way.
        self._gap = True
        self.results.clear()

    @property
    def waiting(self) -> int:
        """Bytes of data that have not been sent for the first time."""
        return len(self._queue)

    @property
    def done(self) -> bool:
        """Whether the board has all data, and has begun to do the last of it."""
        return not self._queue and not self._sent and self._room == self._ring

    @property
    def frame_bytes(self) -> int:
        """Most bytes of data in a frame: two of them fit into the ring."""
        return self._ring // 2 - 2 * CRC_BYTES - HEADER_BYTES

    def restart(self) -> None:
        """Make board and host begin anew: nothing is under way, and no program is loaded.

        Raises
        ------
        InputError : the board's link is of another version
        ToolError : the board does not answer, or the port has gone
        """
        self._forget()
        self._port.drop()
        number = self._next_poll()
        report = self._answer(LINK_REGISTER, number, restart=True)
        self._ring = 1 << (report.value >> CLOCK_BITS)
        self.clock = 1000 * (report.value % (1 << CLOCK_BITS))
        self._room = self._ring

    def send(self, data: bytes, tied: int = 0) -> None:
        """Have operations sent, after those before.

        Parameters
        ----------
        tied : how many of the last bytes come in one frame with the byte before them
        """
        self._queue += data
        end = self._framed + len(self._queue)
        if tied:
            self._ties.append((end - tied, end))

    def query(self, register: int) -> int:
        """The value of a register now, whatever operations wait.

        Raises
        ------
        ToolError : the board does not answer, or the port has gone
        """
        return self._answer(register, self._next_poll()).value

    def exchange(self, register: int) -> Report | None:
        """Send what the board has room for, and take what comes; wait for something to come.

        Parameters
        ----------
        register : that the report shall show

        Returns
        -------
        Report : the last that came; None where none did

        Raises
        ------
        InputError : the board's link is of another version
        ToolError : the board does not answer, or has been reset, or the port has gone
        """
        if self._asked is None and self._sent and not self._settled:
            # Reports to what is sent again would mix with those that are still on their way, and
            # each of them would have it sent once more.
            self._answer(register, self._next_poll())
        if self._settled:
            for index, data in enumerate(self._sent):
                self._transmit(register, sequence_add(self._first, index), data)
            self.counters.repeated += len(self._sent)
        while size := self._sendable():
            data = bytes(self._queue[:size])
            del self._queue[:size]
            self._framed += size
            self._sent.append(data)
            self._transmit(register, sequence_add(self._first, len(self._sent) - 1), data)
        if self._asked is None:
            self._transmit(register, self._next_poll())
        reports = self._receive()
        for report in reports:
            self._take(report)
        return reports[-1] if reports else None

    def _answer(self, register: int, number: int, *, restart: bool = False) -> Report:
        """Ask until a report answers just this."""
        self._asked = None
        asked = 0
        while True:
            if self._asked is None:
                if asked == _MOST_DAMAGED:
                    raise ToolError(
                        f"{self._port.path}: the board answers that what it gets is damaged "
                        f"({asked} times in a row); check cable and baud rate"
                    )
                asked += 1
                self._transmit(register, number, restart=restart)
            for report in self._receive():
                found = (report.restart, report.data, report.number, report.register)
                if found == (restart, False, number, register):
                    self._asked = None
                    self._settled = True
                    if not restart:
                        self._take(report)
                    return report
                if not restart:
                    self._take(report)

    def _next_poll(self) -> int:
        self._polls = sequence_add(self._polls, 1)
        return self._polls

    def _sendable(self) -> int:
        """Bytes of the next frame; 0 where it has to wait.

        A short frame now keeps the line busy, where waiting for room for a long one would not.
        """
        if len(self._sent) >= 1 << SEQUENCE_BITS - 1:
            return 0
        room = self._room - sum(map(len, self._sent)) - CRC_BYTES
        size = min(len(self._queue), self.frame_bytes, room)
        if size < min(len(self._queue), self._ring // _SHORTEST):
            return 0
        while self._ties and self._ties[0][1] <= self._framed:
            self._ties.popleft()
        for begin, end in self._ties:
            if begin <= self._framed + size < end and begin > self._framed + 1:
                return begin - 1 - self._framed
        return size

    def _transmit(
        self, register: int, number: int, data: bytes = b"", *, restart: bool = False
    ) -> None:
        frame = framed(
            request(register, number, self._received, data, again=self._gap, restart=restart)
        )
        if self._asked is None:
            # Whatever noise came before is a frame of its own.
            frame = bytes((FLAG,)) + frame
        self._port.write(frame)
        self._settled = False
        self._asked = bool(data), number
        self._deadline = time.monotonic() + self._patience
        self.counters.frames += 1
        self.counters.bytes_sent += len(frame)

    def _receive(self) -> list[Report]:
        """Reports that have come; waits for one, and notes where none does."""
        while True:
            received = self._port.read(self._deadline - time.monotonic())
            self.counters.bytes_received += len(received)
            self._noise += len(received)
            bodies = list(self._deframer.feed(received))
            reports = [report for body in bodies if (report := Report.parse(body))]
            self.counters.damaged = self._deframer.discarded
            if reports:
                break
            if time.monotonic() >= self._deadline:
                self._asked = None
                self.counters.timeouts += 1
                self._failures += 1
                if self._failures >= self._attempts:
                    raise ToolError(
                        f"{self._port.path}: no board answers ({self._attempts} attempts of "
                        f"{self._patience:g} s, {self._noise} bytes came that are no report); "
                        "check port, baud rate and bitstream"
                    )
                return []
        self._failures = self._noise = 0
        self._deadline = time.monotonic() + self._patience
        for report in reports:
            self.counters.reports += 1
            self.counters.refused += report.wrong
            if report.version != VERSION:
                raise InputError(
                    f"{self._port.path}: the board's link is of version {report.version}, this "
                    f"pann-hw's of version {VERSION}: load a bitstream made by this pann-hw"
                )
            if report.wrong or (report.data, report.number) == self._asked:
                self._asked = None
        return reports

    def _take(self, report: Report) -> None:
        """What a report says of data and results."""
        accepted = (report.following - self._first) % (1 << SEQUENCE_BITS)
        if accepted > len(self._sent):
            raise ToolError(
                f"{self._port.path}: the board has been reset, or another program drives it; run "
                "again"
            )
        for _ in range(accepted):
            self._sent.popleft()
        self._first = report.following
        room = report.room * self._ring // 256
        known = (self._received - report.position) % RESULT_BYTES
        new = report.results[known:]
        self._gap = known > len(report.results)
        self.results += new
        self._received += len(new)
        self.progress += bool(accepted or new or room != self._room)
        self._room = room
