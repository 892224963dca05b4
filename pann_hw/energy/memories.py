"""What the memories of an accelerator take: an estimate, from counted reads and writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pann_hw.technology.sram import Sram
from rtl_gen.gates.netlist import Memory

__all__ = ["MemoryEnergy", "memory_energies"]

_BANK = 4096
"""Words of the largest macro."""


@dataclass(frozen=True)
class MemoryEnergy:
    """One memory macro, per inference; all energies are estimates.

    Attributes
    ----------
    name : path of instances
    words, width : size, in words and bits
    reads, writes : accesses, counted
    access : fJ of these accesses
    leakage : fJ for as long as an inference takes
    """

    name: str
    words: int
    width: int
    reads: float
    writes: float
    access: float
    leakage: float

    @property
    def energy(self) -> float:
        """All of it, in fJ."""
        return self.access + self.leakage


def memory_energies(
    memories: Sequence[Memory],
    reads: np.ndarray,
    writes: np.ndarray,
    seconds: float,
    supply: float,
    feature: float,
) -> tuple[MemoryEnergy, ...]:
    """Energies as :class:`pann_hw.technology.sram.Sram` estimates them.

    The macros that the estimate is fitted to have 4096 words at most: a larger memory is taken as
    banks of so many, of which one is accessed at a time.

    Parameters
    ----------
    reads, writes : float64 (memories,), accesses per inference
    seconds : that an inference takes
    supply, feature : V and nm
    """
    found = []
    for memory, read, written in zip(memories, reads.tolist(), writes.tolist(), strict=True):
        macro = Sram(min(memory.words, _BANK), memory.width, supply, feature)
        access = memory.width * (read * macro.read_energy + written * macro.write_energy)
        # nW are 1e6 fJ/s.
        leakage = memory.words * memory.width * macro.leakage * seconds * 1e6
        found.append(
            MemoryEnergy(memory.name, memory.words, memory.width, read, written, access, leakage)
        )
    return tuple(found)
