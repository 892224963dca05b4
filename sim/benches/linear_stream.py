"""The linear stream between the activation memory and the weight memories.

The bench is both memories, and adds what the stream has its cores add.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import cocotb

from pann_hw.config import AcceleratorConfig
from sim.benches.ports import Ports, bench_test
from sim.benches.units import LINEAR, unit_ports

__all__ = ["passes", "sums_that_wait"]


_BIASES = (1, 2, 3, 20)


@dataclass(frozen=True)
class _Pass:
    """What the record says, and the words that lie there: [address][bank][lane]."""

    record: dict[str, int]
    words: list[list[list[int]]]

    @property
    def seen(self) -> list[list[int]]:
        """The words looked at, one after another, with the lanes looked at."""
        record, first_last = self.record, len(self.words) - self.record["last_words"]
        return [
            word[: record["span"]]
            for address, banks in enumerate(self.words)
            for bank, word in enumerate(banks)
            if address < first_last or bank <= record["last_bank"]
        ]


def _pass(config: AcceleratorConfig, zeros: float) -> _Pass:
    """A random pass, of which so many activations are 0."""
    largest = (1 << config.operand_width) - 1
    count = random.randint(1, 4)
    words = [
        [
            [random.randint(0, largest) * (random.random() >= zeros) for _ in range(config.lanes)]
            for _ in range(config.banks)
        ]
        for _ in range(count)
    ]
    columns = count * config.banks * config.lanes
    record = {
        "base": random.randrange(config.bank_words - count),
        "words": count,
        "column": random.randrange(config.weight_words - columns - max(_BIASES)),
        "biases": random.choice(_BIASES),
        "span": random.randint(1, config.lanes),
        "last_words": random.randint(1, count),
        "last_bank": random.randrange(config.banks),
    }
    return _Pass(record, words)


def _steps(config: AcceleratorConfig, x: int) -> int:
    """Cycles that adding an activation takes."""
    low = x & (1 << config.shift) - 1
    return -(-(low.bit_count() + (x >> config.shift)) // config.terms)


def _cycles(config: AcceleratorConfig, work: _Pass) -> int:
    """From the cycle after the start to that of the end, if no sums wait.

    The words come from the second cycle on. One without an activation takes a cycle; each
    activation is taken while the one before is added for the last time, and when the bias is
    through it is added.
    """
    biases = work.record["biases"]
    cycle, free, last = 2, 2, biases
    for word in work.seen:
        if not any(word):
            cycle += 1
        for x in filter(None, word):
            cycle = max(cycle, free) + 1
            last = max(cycle, biases + 1) + _steps(config, x) - 1
            free = last
    return max(cycle, last + 1)


class _Bench:
    """The stream, and sums of one lane with a weight of its own in each column."""

    def __init__(self, dut: Any, name: str) -> None:
        self.config = LINEAR[name]
        self.ports: Ports = unit_ports(dut, f"linear_stream_{name}")
        self._weights: dict[int, int] = {}

    def weight(self, column: int) -> int:
        largest = self.config.largest_weight
        return self._weights.setdefault(column, random.randint(-largest, largest))

    def expected(self, work: _Pass) -> int:
        """The bias, digit by digit, and each activation times the weight of its column."""
        total, column = 0, work.record["column"]
        for _ in range(work.record["biases"]):
            total = total * (self.config.largest_weight + 1) + self.weight(column)
            column += 1
        for x in (x for word in work.seen for x in word):
            total += x * self.weight(column)
            column += 1
        return total

    async def run(self, work: _Pass, waits: int = 0) -> int:
        """Run a pass; sums of the one before wait for so many cycles. The cycle of its end."""
        ports, record = self.ports, work.record
        ports.drive(start=1, record=record, waits=1)
        await ports.tick()
        # The next pass's record may come while this one is under way.
        ports.drive(start=0, record=_pass(self.config, 0.5).record)
        total = column = 0
        word: list[list[int]] | None = None
        end: int | None = None
        for cycle in range(1, 5000):
            if word is not None:
                ports.drive(words=word)
            ports.drive(waits=int(cycle <= waits))
            await ports.settle()
            control = ports.record("o")
            if control.enable:
                weight = self.weight(column)
                scale = self.config.largest_weight + 1 if control.scale else 1
                total = 0 if control.clear else total * scale
                for term in control.terms:
                    total += weight * term.active << (term.shift if self.config.shift else 0)
            if control.last:
                assert end == cycle - 1 and not ports.read("busy")
                assert total == self.expected(work)
                await ports.tick()
                return end
            if ports.read("column_read"):
                column = ports.read("column")
            if ports.read("read"):
                word = work.words[ports.read("address") - record["base"]]
            busy = ports.read("busy")
            await ports.tick()
            if busy and not ports.read("busy"):
                end = cycle
        raise AssertionError("the pass does not end")


@bench_test
@cocotb.parametrize(name=list(LINEAR), zeros=[0.0, 0.6, 0.95])
async def passes(dut: Any, name: str, zeros: float) -> None:
    """Pass after pass: their sums, and the cycles that they take."""
    bench = _Bench(dut, name)
    await bench.ports.begin()
    for _ in range(25):
        work = _pass(bench.config, zeros)
        assert await bench.run(work) == _cycles(bench.config, work), f"{work}"
        await bench.ports.tick(random.randint(0, 2))


@bench_test
@cocotb.parametrize(name=list(LINEAR))
async def sums_that_wait(dut: Any, name: str) -> None:
    """The end comes when those of the pass before are taken, and not sooner."""
    bench = _Bench(dut, name)
    await bench.ports.begin()
    for _ in range(12):
        work = _pass(bench.config, 0.7)
        cycles = _cycles(bench.config, work)
        waits = random.randint(1, 2 * cycles)
        assert await bench.run(work, waits) == max(cycles, waits + 1)
