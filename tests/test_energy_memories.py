"""Energies of memories, from accesses."""

from __future__ import annotations

import numpy as np
import pytest

from pann_hw.energy.memories import memory_energies
from pann_hw.technology.sram import Sram
from rtl_gen.gates.netlist import Memory


def test_reads_writes_and_leakage() -> None:
    memories = [Memory("a", 256, 16, (), ()), Memory("b", 64, 8, (), ())]
    reads, writes = np.array([10.0, 0.0]), np.array([0.0, 2.5])
    first, second = memory_energies(memories, reads, writes, 1e-3, 1.2, 130)
    a, b = Sram(256, 16, 1.2, 130), Sram(64, 8, 1.2, 130)
    assert first.access == pytest.approx(10 * 16 * a.read_energy)
    assert second.access == pytest.approx(2.5 * 8 * b.write_energy)
    # 12.09 pW for each of 4096 cells for a millisecond, in fJ.
    assert first.leakage == pytest.approx(4096 * 12.09e-12 * 1e-3 * 1e15, rel=1e-3)
    assert first.energy == first.access + first.leakage
    assert (second.name, second.reads, second.writes) == ("b", 0.0, 2.5)


def test_large_memories_are_banks() -> None:
    large, bank = (
        memory_energies([Memory("a", words, 16, (), ())], np.ones(1), np.zeros(1), 1.0, 1.2, 130)[0]
        for words in (65536, 4096)
    )
    assert large.access == bank.access
    assert large.leakage == pytest.approx(16 * bank.leakage)
