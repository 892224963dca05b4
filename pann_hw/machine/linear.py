"""Model of the stream of a linear pass (``rtl_gen.linear_stream``), the one that data decide."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pann_hw.config import AcceleratorConfig
from pann_hw.machine.unit import Unit
from pann_hw.program.image import column_integers
from pann_hw.program.layout import LINEAR, unpack
from pann_hw.program.linear import digits

__all__ = ["LinearStream"]

_RECORD = sum(width for name, width in LINEAR.items() if name != "_reserved")


class LinearStream(Unit):
    """See :class:`rtl_gen.linear_stream.LinearStream`.

    Attributes
    ----------
    issued : (cycle, terms) of everything that the pass under way adds; digits of the bias count no
        terms
    """

    def __init__(
        self, config: AcceleratorConfig, flips: dict[str, int], weights: Sequence[np.ndarray]
    ) -> None:
        super().__init__(config, flips)
        self._columns = [column_integers(memory, config) for memory in weights]
        self._steps = [_step(x, config) for x in range(1 << config.operand_width)]
        self._last_address = (1 << (config.bank_words - 1).bit_length()) - 1
        self._last_column = (1 << max((config.weight_words - 1).bit_length(), 1)) - 1
        self._shift_bits = max(config.shift.bit_length(), 1)
        self.record = self.busy = self.cores = 0
        self.address = self.left = self.span = self.there = self.bank = self.unseen = 0
        if config.banks > 1:
            self.last_words = self.last_bank = 0
        self.word_column = self.first_read = 0
        self.x = self.x_column = self.fresh = self.biases = self.bias_column = self.clear = 0
        self.read = self.column = self.column_read = self.o = 0
        for core in range(len(weights)):
            setattr(self, f"word{core}", 0)
        # Of the pass under way: activations of each word, and which of them are not 0.
        self._words: tuple[tuple[int, ...], ...] = ()
        self._masks: tuple[int, ...] = ()
        self.index = -1
        self.candidates = 0
        self.issued: list[tuple[int, int]] = []

    def take(self, record: int) -> None:
        """A clock edge that takes the record of the next linear pass."""
        self.put("record", record & (1 << _RECORD) - 1)

    def start(self, words: np.ndarray, cores: int) -> None:
        """A clock edge that begins a pass of so many cores, which reads these words (words, N)."""
        record = unpack(LINEAR, self.record)
        self._words = tuple(map(tuple, words.tolist()))
        self._masks = tuple(
            sum(1 << lane for lane, x in enumerate(word[: record["span"]]) if x)
            for word in self._words
        )
        self.index, self.cores = -1, cores
        self.issued = []
        self.put("busy", 1)
        self.put("address", record["base"], "memory_ports")
        self.put("left", record["words"])
        self.put("span", record["span"])
        if self._config.banks > 1:
            self.put("last_words", record["last_words"])
            self.put("last_bank", record["last_bank"])
        self.put("bank", 0)
        self.put("unseen", (1 << self._config.lanes) - 1)
        self.put("bias_column", record["column"])
        self.put("word_column", record["column"] + record["biases"] & self._last_column)
        self.put("biases", record["biases"])
        self.put("first_read", 1)
        self.put("clear", 1)

    def ports(self) -> None:
        """The ports of the memories in this cycle."""
        self.candidates = self._masks[self.index] & self.unseen if self.there else 0
        read = (self.first_read or self._word_ends) and self.left
        column = self.bias_column if self.biases else self.x_column
        column_read = self.biases or (self._adds and self.fresh)
        self.put("read", int(read > 0), "memory_ports")
        self.put("column", column, "memory_ports")
        self.put("column_read", int(column_read > 0), "memory_ports")

    @property
    def active(self) -> bool:
        """Whether a clock edge changes anything."""
        return bool(self.busy or self.o & 15)

    @property
    def _adds(self) -> int:
        return int(self.x != 0 and not self.biases)

    @property
    def _remaining(self) -> int:
        return self._steps[self.x][1] if self._adds else self.x

    @property
    def _bank_ends(self) -> bool:
        rest = self.candidates & self.candidates - 1
        return bool(self.there and not rest and (not self.candidates or not self._remaining))

    @property
    def _word_ends(self) -> bool:
        banks = self._config.banks
        if banks == 1:
            return self._bank_ends
        last = self.last_bank if self.left < self.last_words else banks - 1
        return self._bank_ends and self.bank == last

    def finishes(self, waits: int) -> bool:
        """Whether the pass's sums are complete in this cycle; ``waits``: others are to be taken."""
        return bool(
            self.busy and not (self.first_read or self.there or self.biases or self.x or waits)
        )

    def clock(self, cycle: int, *, finishes: bool) -> None:
        """Any other clock edge."""
        biases, adds, remaining = self.biases, self._adds, self._remaining
        pick = self.candidates != 0 and not remaining
        bank_ends, word_ends = self._bank_ends, self._word_ends
        if biases or adds:
            self.issued.append((cycle, 0 if biases else len(self._steps[self.x][0])))
        self._control(biases, adds, finishes)
        if self.column_read:
            for core in range(self.cores):
                self.put(f"word{core}", self._columns[core][self.column], "term_stream")
        fresh, x = int(self.fresh and not adds), remaining
        if biases:
            self.put("biases", biases - 1)
            self.put("bias_column", self.bias_column + 1 & self._last_column)
            self.put("clear", 0)
        if pick:
            lane = (self.candidates & -self.candidates).bit_length() - 1
            x, fresh = self._words[self.index][lane], 1
            self.put("x_column", self.word_column + lane & self._last_column)
            unseen = self.unseen & ~(1 << lane)
        else:
            unseen = self.unseen
        bank = self.bank
        if bank_ends:
            bank = bank + 1 & self._config.banks - 1
            unseen = (1 << self._config.lanes) - 1
            self.put("word_column", self.word_column + self.span & self._last_column)
            self.index += 1
        if word_ends:
            # Banks without a channel are left out.
            self.index += -self.index % self._config.banks
        self.put("x", x)
        self.put("fresh", fresh)
        self.put("unseen", unseen)
        self.put("bank", 0 if word_ends else bank)
        self.put("there", int(self.read or (self.there and not word_ends)))
        self.put("first_read", 0)
        if self.read:
            self.index += not bank_ends
            self.put("left", self.left - 1)
            self.put("address", self.address + 1 & self._last_address, "memory_ports")
        if finishes:
            self.put("busy", 0)

    def _control(self, biases: int, adds: int, finishes: bool) -> None:
        """The registered control of the cores."""
        bits, at = self._shift_bits, 4
        shifts = self._steps[self.x][0] if adds else [0] if biases else []
        o = int(bool(biases or adds)) | int(finishes) << 3
        if biases:
            o |= self.clear << 1 | (1 - self.clear) << 2
        for place in range(self._config.terms):
            held = self.o >> at & (2 << bits) - 2
            o |= (1 | shifts[place] << 1 if place < len(shifts) else held) << at
            at += 1 + bits
        self.put("o", o, "term_stream")


def _step(x: int, config: AcceleratorConfig) -> tuple[list[int], int]:
    """What is added of an activation in one cycle, and what is left of it."""
    shifts = (digits(x, config.shift, config.terms) or [[]])[0]
    return shifts, x - sum(1 << shift for shift in shifts)
