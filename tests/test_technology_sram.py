"""The SRAM estimate against the macros that it is from, and its scaling."""

from __future__ import annotations

import pytest

from pann_hw.errors import InputError
from pann_hw.technology.sram import ESTIMATE, Sram

_MACROS = [
    # Words, bits, pJ of an access that writes and reads, nW of leakage: the datasheets.
    (64, 16, 15.95, 12.38),
    (64, 64, 56.80, 49.50),
    (256, 48, 55.14, 148.5),
    (256, 64, 72.56, 198.0),
    (512, 32, 47.61, 198.0),
    (1024, 8, 19.70, 99.01),
    (1024, 16, 33.76, 198.0),
    (1024, 64, 118.1, 792.1),
    (2048, 64, 156.4, 1584.0),
    (4096, 16, 73.17, 792.1),
]


@pytest.mark.parametrize(("words", "width", "energy", "leakage"), _MACROS)
def test_the_macros_it_is_from(words: int, width: int, energy: float, leakage: float) -> None:
    memory = Sram(words, width, 1.2, 130)
    assert memory.write_energy * width / 970 == pytest.approx(energy, rel=0.09)
    assert memory.leakage * memory.bits == pytest.approx(leakage, rel=0.002)


def test_reading_and_writing() -> None:
    # From the macros' Liberty files, pJ.
    for words, width, read, write in ((1024, 8, 15.60, 19.92), (1024, 64, 91.83, 110.9)):
        memory = Sram(words, width, 1.2, 130)
        assert memory.read_energy * width / 1000 == pytest.approx(read, rel=0.09)
        assert memory.write_energy * width / 1000 == pytest.approx(write, rel=0.09)


def test_a_bit_costs_more_in_a_larger_and_in_a_narrower_memory() -> None:
    deep = [Sram(words, 32, 1.2, 130).read_energy for words in (1, 8, 64, 512, 4096)]
    assert deep == sorted(deep)
    wide = [Sram(256, width, 1.2, 130).read_energy for width in (256, 64, 8, 1)]
    assert wide == sorted(wide)
    assert deep[0] > 0


def test_scaling() -> None:
    memory, other = Sram(256, 32, 1.2, 130), Sram(256, 32, 0.6, 65)
    assert other.read_energy == pytest.approx(memory.read_energy / 8)
    assert other.write_energy == pytest.approx(memory.write_energy / 8)
    assert other.leakage == pytest.approx(memory.leakage / 2)
    # 10 pJ in Horowitz, ISSCC 2014: within a factor of two.
    assert 5 < Sram(1024, 64, 0.9, 45).read_energy * 64 / 1000 < 20


def test_it_says_that_it_is_an_estimate() -> None:
    assert ESTIMATE.startswith("estimate")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((0, 8, 1.2, 130), "words = 0: a memory must have 1..1048576, a whole number"),
        ((16, 0, 1.2, 130), "width = 0: a memory must have 1..4096, a whole number"),
        ((16, 8.0, 1.2, 130), "width = 8.0"),
        ((True, 8, 1.2, 130), "words = True"),
        ((16, 8, 0.0, 130), "supply = 0.0: a memory must have 0.3..5 V"),
        ((16, 8, float("nan"), 130), "supply = nan"),
        ((16, 8, 1.2, 0.13), "feature = 0.13: a memory must have 2..500 nm"),
    ],
)
def test_parameters(values: tuple[int, int, float, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Sram(*values)
