"""The stream of a linear pass: what it adds when, by a plain account of its cycles."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pann_hw.config import AcceleratorConfig
from pann_hw.machine.linear import LinearStream
from pann_hw.program.layout import LINEAR, pack
from pann_hw.program.linear import digits

CONFIG = AcceleratorConfig(lanes=8, cores=2, banks=1, rails=1, weight_words=512, operand_width=4)
TWO_RAILS = AcceleratorConfig(lanes=4, cores=3, rails=2, banks=2, weight_words=512, max_shift=1)
FOUR_BANKS = AcceleratorConfig(
    lanes=16, cores=1, rails=2, banks=4, lane="unary", weight_words=512, terms_per_rail=2
)
CONFIGS = [CONFIG, TWO_RAILS, FOUR_BANKS]

FIRST = 7
"""The pass's first column of weights."""


class Run:
    """A pass, run to its end.

    ``words`` are int (addresses, banks, N); sums before its own are taken after ``taken`` cycles.
    """

    def __init__(
        self,
        config: AcceleratorConfig,
        words: np.ndarray,
        biases: int = 1,
        span: int | None = None,
        last_words: int = 1,
        last_banks: int | None = None,
        taken: int = 0,
    ) -> None:
        weights = np.zeros((512, config.lanes), np.int64)
        self.flips = {"control": 0, "memory_ports": 0, "term_stream": 0}
        self.stream = stream = LinearStream(config, self.flips, [weights] * config.cores)
        record = {
            "base": 100,
            "words": len(words),
            "column": FIRST,
            "biases": biases,
            "span": span or config.lanes,
            "last_words": last_words,
            "last_bank": (last_banks or config.banks) - 1,
        }
        stream.take(pack(LINEAR, record))
        stream.start(words.reshape(-1, config.lanes), config.cores)
        self.addresses: list[int] = []
        self.columns: list[int] = []
        for cycle in range(1, 20000):
            stream.ports()
            if stream.read:
                self.addresses.append(stream.address)
            if stream.column_read:
                self.columns.append(stream.column)
            finishes = stream.finishes(cycle <= taken)
            stream.clock(cycle, finishes=finishes)
            if finishes:
                self.end = cycle
                break
        assert not stream.busy


def account(
    config: AcceleratorConfig, words: list[list[int]], biases: int
) -> tuple[list[tuple[int, int]], int]:
    """(cycle, terms) of all that is added, and the cycle of the end, for the words looked at.

    A word is there from the second cycle on, and the next one as soon as it is done with. An
    activation is taken out of a word while the one before is in its last cycle of adding, and is
    added from the next cycle on, when the bias is through. An empty word takes a cycle, whatever
    is added meanwhile.
    """
    added = [(cycle, 0) for cycle in range(1, biases + 1)]
    cycle = free = 2
    for word in words:
        if not any(word):
            cycle += 1
        for x in filter(None, word):
            cycle = max(cycle, free) + 1
            begin = max(cycle, biases + 1)
            steps = digits(x, config.shift, config.terms)
            added += [(begin + index, len(step)) for index, step in enumerate(steps)]
            free = begin + len(steps) - 1
    return added, max(cycle, added[-1][0] + 1)


def random_words(rng: np.random.Generator, config: AcceleratorConfig, zeros: float) -> np.ndarray:
    shape = (int(rng.integers(1, 6)), config.banks, config.lanes)
    words = rng.integers(1, 2 ** min(config.operand_width, 5), shape)
    return np.where(rng.random(shape) < zeros, 0, words)


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("zeros", [0.0, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("number", range(4))
def test_everything_is_added_when_it_should_be(
    config: AcceleratorConfig, zeros: float, number: int, rng: np.random.Generator
) -> None:
    words = random_words(rng, config, zeros)
    span = int(rng.integers(1, config.lanes + 1))
    last_banks = int(rng.integers(1, config.banks + 1))
    last_words = int(rng.integers(1, len(words) + 1))
    biases = (1, 2, 9, 30)[number]
    found = Run(config, words, biases, span, last_words, last_banks)
    # Every bank of an address, but for those without a channel.
    seen = [
        word[:span].tolist()
        for address, banks in enumerate(words)
        for bank, word in enumerate(banks)
        if address < len(words) - last_words or bank < last_banks
    ]
    added, end = account(config, seen, biases)
    assert found.stream.issued == added
    assert found.end == end
    assert found.addresses == list(range(100, 100 + len(words)))
    # A column each for the digits of the bias, for activations that are not 0 their own.
    flat = np.array(seen).ravel()
    first = FIRST + biases
    assert found.columns == [*range(FIRST, first), *(first + np.flatnonzero(flat)).tolist()]


def test_zeros_take_no_cycle_but_an_empty_word_does() -> None:
    def end(*words: list[int]) -> int:
        return Run(CONFIG, np.array(words)[:, None]).end

    full = end([1] * 8)
    assert end([1, 0, 0, 0, 0, 0, 0, 0]) == full - 7
    assert end([0, 0, 0, 0, 0, 0, 1, 0]) == full - 7
    assert end([0, 1, 0, 1, 0, 0, 0, 0]) == full - 6
    empty = [0] * 8
    assert end(empty, empty, [1] * 8) == full + 2
    # Not where an activation is still being added.
    assert end([1] * 8, empty, empty) == full + 1
    assert end([15] * 8, empty, empty, [1] * 8) == end([15] * 8, [1] * 8)


def test_words_of_one_activation_follow_without_a_gap() -> None:
    """Each bit takes a cycle, with one rail; the next word is read meanwhile."""
    words = np.zeros((6, 1, 8), int)
    words[np.arange(6), 0, [3, 0, 7, 5, 1, 2]] = [1, 2, 7, 15, 8, 4]
    found = Run(CONFIG, words)
    cycles = [cycle for cycle, _ in found.stream.issued]
    assert cycles == [1, *range(3, 3 + 1 + 1 + 3 + 4 + 1 + 1)]
    assert found.end == cycles[-1] + 1


def test_two_rails_add_two_bits_a_cycle() -> None:
    words = np.array([[[1, 3, 0, 0], [7, 6, 0, 0]]])
    found = Run(TWO_RAILS, words)
    # With shifts 0 and 1: 1, 1 + 2, 1 + 2 + 2 + 2, 2 + 2 + 2.
    assert found.stream.issued[1:] == [(3, 1), (4, 2), (5, 2), (6, 2), (7, 2), (8, 1)]


def test_a_long_bias_keeps_the_first_activation_waiting() -> None:
    words = np.ones((1, 1, 8), int)
    few, many = (Run(CONFIG, words, biases) for biases in (1, 20))
    assert few.stream.issued[1] == (3, 1)
    assert many.stream.issued[20] == (21, 1)
    assert many.end == 20 + 8 + 1


def test_the_end_waits_until_sums_are_taken() -> None:
    words = np.ones((1, 1, 8), int)
    end = Run(CONFIG, words).end
    assert Run(CONFIG, words, taken=end - 1).end == end
    late = Run(CONFIG, words, taken=end + 5)
    assert late.end == end + 6
    # What is added does not wait.
    assert late.stream.issued == Run(CONFIG, words).stream.issued


@pytest.mark.parametrize("group", ["control", "memory_ports", "term_stream"])
def test_flips_are_of_what_is_done(group: str) -> None:
    def flips(fill: Callable[[np.ndarray], None], words: int) -> int:
        found = np.zeros((words, 1, 8), int)
        fill(found)
        return Run(CONFIG, found).flips[group]

    def one(words: np.ndarray) -> None:
        words[0, 0, 1] = 1

    def many(words: np.ndarray) -> None:
        words[:] = 11

    assert 0 < flips(one, 1) < flips(many, 1) < flips(many, 3)
